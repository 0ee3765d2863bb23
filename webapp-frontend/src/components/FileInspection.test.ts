import { flushPromises, mount } from '@vue/test-utils'
import { expect, it } from 'vitest'
import { answerFetch } from '@/testing/fakes'
import { inspection, photo } from '@/testing/samples'
import FileInspection from './FileInspection.vue'

async function open() {
  const panel = mount(FileInspection, { props: { file: photo() } })
  const details = panel.get('details')
  ;(details.element as HTMLDetailsElement).open = true
  await details.trigger('toggle')
  await import('./InspectionReport.vue')
  await flushPromises()
  return panel
}

it('asks only when it is opened', async () => {
  const fetched = answerFetch({ '/api/v1/inspections': inspection() })
  mount(FileInspection, { props: { file: photo() } })
  await flushPromises()
  expect(fetched).not.toHaveBeenCalled()
  const panel = await open()
  expect(fetched).toHaveBeenCalledOnce()
  expect(panel.text()).toContain('none of it enters the score')
  expect(panel.text()).toContain('Maker M1')
})

it('keeps the place to itself until it is asked for', async () => {
  const position = { latitude: 1.5, longitude: 2.5 }
  const metadata = { ...inspection().metadata, position }
  answerFetch({ '/api/v1/inspections': inspection({ metadata }) })
  const panel = await open()
  expect(panel.html()).not.toContain('1.5')
  await panel.get('button').trigger('click')
  expect(panel.text()).toContain('1.50000° N, 2.50000° E')
})

it('shows what a file says as text, whatever it says', async () => {
  const value = '<img src=x onerror="alert(1)">'
  const hostile = inspection({
    generator: [{ kind: 'software', where: value, value }],
    metadata: { entries: [{ name: value, value }], position: null, damaged: false },
  })
  answerFetch({ '/api/v1/inspections': hostile })
  const panel = await open()
  expect(panel.findAll('img')).toHaveLength(1)
  expect(panel.text()).toContain(value)
})

it('names the reason if there is no answer, and asks again', async () => {
  answerFetch({})
  const panel = await open()
  expect(panel.get('[role=alert]').text()).toContain('portrait.jpg')
  answerFetch({ '/api/v1/inspections': inspection() })
  await panel.get('button').trigger('click')
  await flushPromises()
  expect(panel.text()).toContain('Content credentials')
})
