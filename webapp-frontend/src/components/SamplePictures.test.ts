import { flushPromises, mount } from '@vue/test-utils'
import { expect, it, vi } from 'vitest'
import { photo } from '@/testing/samples'
import SamplePictures from './SamplePictures.vue'

async function taken(answer: () => Promise<Response>) {
  vi.stubGlobal('fetch', answer)
  const samples = mount(SamplePictures, { props: { file: null } })
  await samples.get('button').trigger('click')
  await flushPromises()
  return (samples.emitted('pick') as [() => File][] | undefined)?.[0]?.[0]
}

it('hands a sample on as a file', async () => {
  const pick = await taken(async () => new Response('pixels'))
  expect(pick?.().name).toBe('photograph.jpg')
  expect(pick?.().type).toBe('image/jpeg')
})

it.each([
  ['a lost connection', () => Promise.reject(new TypeError('Failed to fetch'))],
  ['an error', async () => new Response('', { status: 500 })],
])('tells %s on the call', async (_, answer) => {
  const pick = await taken(answer)
  expect(pick).toThrow('The sample cannot be loaded')
})

/** Samples of which the first was clicked, and a way to let it arrive. */
async function asked() {
  const arrive: (() => void)[] = []
  vi.stubGlobal('fetch', () => new Promise((resolve) => arrive.push(() => resolve(new Response()))))
  const samples = mount(SamplePictures, { props: { file: null as File | null } })
  const [first, second] = samples.findAll('button')
  await first?.trigger('click')
  const arrived = async () => {
    arrive.forEach((now) => now())
    await flushPromises()
  }
  return { samples, first, second, arrived }
}

it('says that a sample is on its way', async () => {
  const { first, arrived } = await asked()
  expect(first?.text()).toBe('Loading …')
  expect(first?.attributes('aria-busy')).toBe('true')
  await arrived()
  expect(first?.text()).toBe('Portrait')
})

it('leaves a photograph alone that was chosen while the sample was on its way', async () => {
  const { samples, first, arrived } = await asked()
  await samples.setProps({ file: photo() })
  expect(first?.text()).toBe('Portrait')
  await arrived()
  expect(samples.emitted('pick')).toBeUndefined()
})

it('takes the sample that was clicked last', async () => {
  const { samples, second, arrived } = await asked()
  await second?.trigger('click')
  await arrived()
  const picks = samples.emitted('pick') as [() => File][]
  expect(picks.map(([pick]) => pick().name)).toEqual(['mirrored-face.jpg'])
})
