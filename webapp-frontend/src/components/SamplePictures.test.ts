import { flushPromises, mount } from '@vue/test-utils'
import { expect, it, vi } from 'vitest'
import SamplePictures from './SamplePictures.vue'

async function taken(answer: () => Promise<Response>) {
  vi.stubGlobal('fetch', answer)
  const samples = mount(SamplePictures)
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
