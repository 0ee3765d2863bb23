import { flushPromises, mount } from '@vue/test-utils'
import { beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { createQueue } from '@/composables/useQueue'
import { photosToCheck } from '@/composables/handOver'
import { answerFetch, FakeRequest, fakeUploads } from '@/testing/fakes'
import { limits, model, photo } from '@/testing/samples'
import ManyView from './ManyView.vue'

const held = vi.hoisted(() => ({ queue: {} as ReturnType<typeof createQueue> }))
vi.mock('@/composables/useQueue', async (original) => ({
  ...(await original<object>()),
  useQueue: () => held.queue,
}))

const store = {
  load: async () => [],
  add: async () => {},
  save: async () => {},
  remove: async () => {},
  clear: async () => {},
}
const answers = { '/api/v1/models': { models: [model()] }, '/api/v1/limits': limits }

beforeEach(fakeUploads)

async function open(claim: Parameters<typeof createQueue>[1] = async () => {}) {
  held.queue = createQueue(store, claim)
  const routes = [{ path: '/:path(.*)*', component: ManyView }]
  const router = createRouter({ history: createMemoryHistory(), routes })
  const view = mount(ManyView, { global: { plugins: [router] } })
  await flushPromises()
  return view
}
type View = Awaited<ReturnType<typeof open>>

const photos = (number: number) =>
  Array.from({ length: number }, (_, index) => photo(`${index}.jpg`))

async function pick(view: View, files: File[]) {
  const input = view.get('input[type=file]')
  Object.defineProperty(input.element, 'files', { value: files, configurable: true })
  await input.trigger('change')
}

const button = (view: View, words: string) => {
  const found = view.findAll('button').find((candidate) => candidate.text().startsWith(words))
  if (!found) throw new Error(`no button ${words}`)
  return found
}

it('says that it adds while the server says what it takes, and adds without an answer', async () => {
  vi.useFakeTimers()
  vi.stubGlobal('fetch', () => new Promise(() => {}))
  const view = await open()
  await pick(view, photos(2))
  expect(view.get('.notices').text()).toBe('Adding 2 photographs …')
  await vi.advanceTimersByTimeAsync(2000)
  await flushPromises()
  expect(view.get('.notices').text()).toBe('')
  expect(view.findAll('li.row')).toHaveLength(2)
  vi.useRealTimers()
})

it('stops and goes on by different buttons, that stay where they are', async () => {
  answerFetch(answers)
  const view = await open()
  await pick(view, photos(3))
  await flushPromises()
  const cancel = button(view, 'Cancel')
  const check = button(view, 'Check')
  expect(check.attributes('aria-disabled')).toBe('true')
  await cancel.trigger('click')
  await cancel.trigger('click')
  expect(FakeRequest.all).toHaveLength(2)
  expect(cancel.attributes('aria-disabled')).toBe('true')
  expect(check.text()).toBe('Check the other 3')
  await check.trigger('click')
  await check.trigger('click')
  await flushPromises()
  expect(FakeRequest.all).toHaveLength(4)
  expect(button(view, 'Cancel').attributes('aria-disabled')).toBe('false')
})

it('names those that had no room', async () => {
  answerFetch(answers)
  const view = await open()
  held.queue.leftOut.value = ['a.jpg', 'b.jpg']
  await flushPromises()
  expect(view.get('.notices').text()).toContain('2 had no room')
  expect(view.findAll('.left-out li').map((item) => item.text())).toEqual(['a.jpg', 'b.jpg'])
})

it('offers nothing while another tab has the list, and then takes what it was given', async () => {
  answerFetch(answers)
  let closeOther = () => {}
  void photosToCheck.give({ files: photos(2), folders: [] }, new Promise(() => {}))
  const view = await open((onTaken) => {
    onTaken()
    return new Promise((resolve) => (closeOther = resolve))
  })
  expect(view.get('h2').text()).toBe('This list is open in another tab')
  expect(view.text()).toContain('adds the 2 photographs')
  expect(view.find('input').exists()).toBe(false)
  expect(view.find('button').exists()).toBe(false)
  closeOther()
  await flushPromises()
  expect(view.text()).not.toContain('another tab')
  expect(view.findAll('li.row')).toHaveLength(2)
})
