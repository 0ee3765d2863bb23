import { flushPromises } from '@vue/test-utils'
import { beforeEach, expect, it, vi } from 'vitest'
import { FakeRequest, inScope } from '@/testing/fakes'
import { photo, prediction } from '@/testing/samples'
import { useComparison } from './useComparison'

let requests: Map<string, FakeRequest>

/** Requests by the network they ask, since several are under way at once. */
class ComparedRequest extends FakeRequest {
  override open = (_: string, address: string) => {
    this.address = address
    requests.set(new URLSearchParams(address.split('?')[1]).get('model') ?? '', this)
    return address
  }
}

beforeEach(() => {
  requests = new Map()
  vi.stubGlobal('XMLHttpRequest', ComparedRequest)
})

function compared(...models: string[]) {
  const use = inScope(useComparison)
  use.choose(() => photo(), null)
  use.compare(models)
  return { ...use, steps: () => models.map((model) => use.answers.get(model)?.step) }
}

async function answer(model: string, status = 200, headers = {}) {
  const results = [prediction()]
  const body = status === 200 ? { model: { name: model }, results } : {}
  requests.get(model)?.answer(status, body, headers)
  await flushPromises()
}

it('asks two at a time and shows each answer as it comes', async () => {
  const { steps, running } = compared('v3', 'v1', 'v2')
  expect(steps()).toEqual(['sending', 'sending', 'waiting'])
  await answer('v1')
  expect(steps()).toEqual(['sending', 'judged', 'sending'])
  await answer('v2')
  await answer('v3')
  expect(steps()).toEqual(['judged', 'judged', 'judged'])
  expect(running.value).toBe(false)
})

it('goes on when one network fails, and asks that one again', async () => {
  const { steps, ask } = compared('v3', 'v1')
  await answer('v3', 503)
  expect(steps()).toEqual(['failed', 'sending'])
  ask(['v3'])
  expect(steps()).toEqual(['sending', 'sending'])
  await answer('v3')
  await answer('v1')
  expect(steps()).toEqual(['judged', 'judged'])
  ask(['v1'])
  expect(steps()).toEqual(['judged', 'sending'])
})

it('comes back to a busy server when that said to', async () => {
  vi.useFakeTimers()
  const { steps, running } = compared('v3')
  await answer('v3', 503, { 'Retry-After': '7' })
  expect(steps()).toEqual(['pausing'])
  expect(running.value).toBe(true)
  const first = requests.get('v3')
  await vi.advanceTimersByTimeAsync(7000)
  expect(requests.get('v3')).not.toBe(first)
  await answer('v3')
  expect(steps()).toEqual(['judged'])
  vi.useRealTimers()
})

it('keeps what was answered before it was cancelled', async () => {
  const { steps, cancel, ask, running } = compared('v3', 'v1', 'v2')
  await answer('v3')
  cancel()
  await flushPromises()
  expect(steps()).toEqual(['judged', 'cancelled', 'cancelled'])
  expect(running.value).toBe(false)
  ask(['v2'])
  await answer('v2')
  expect(steps()).toEqual(['judged', 'cancelled', 'judged'])
})

it('does not hear answers about a photograph that was replaced', async () => {
  const { answers, choose, file } = compared('v3')
  const late = requests.get('v3')
  choose(() => photo('other.jpg'), null)
  late?.answer(200, { model: { name: 'v3' }, results: [prediction()] })
  await flushPromises()
  expect(file.value?.name).toBe('other.jpg')
  expect(answers.size).toBe(0)
})

it('keeps what was answered when another file is refused', async () => {
  const { steps, choose, refusal, file } = compared('v3')
  await answer('v3')
  choose(() => photo('letter.pdf', 'application/pdf'), null)
  expect(steps()).toEqual(['judged'])
  expect(file.value?.name).toBe('portrait.jpg')
  expect(refusal.value?.title).toBe('letter.pdf is not an image')
})

it('refuses what is no image, and asks nobody about it', () => {
  const { choose, compare, refusal, answers } = inScope(useComparison)
  choose(() => photo('notes.txt', 'text/plain'), null)
  compare(['v3'])
  expect(refusal.value?.title).toBe('notes.txt is not an image')
  expect(answers.size).toBe(0)
})
