import { flushPromises } from '@vue/test-utils'
import { afterEach, expect, it, vi } from 'vitest'
import { answerFetch, inScope } from '@/testing/fakes'
import { model } from '@/testing/samples'
import { useModels } from './useModels'

const models = '/api/v1/models'

afterEach(() => vi.useRealTimers())

it('preselects the default and lets another be chosen', async () => {
  answerFetch({ [models]: { models: [model({ name: 'v1', default: false }), model()] } })
  const { load, chosen, selected } = inScope(useModels)
  await load()
  expect(selected.value?.name).toBe('v3')
  chosen.value = 'v1'
  expect(selected.value?.name).toBe('v1')
})

it('never selects what cannot be used', async () => {
  const broken = model({ state: 'unusable', reason: 'It is cut off.' })
  answerFetch({ [models]: { models: [broken, model({ name: 'v1', default: false })] } })
  const { load, chosen, selected } = inScope(useModels)
  await load()
  chosen.value = 'v3'
  expect(selected.value?.name).toBe('v1')
})

it('asks again while a network is being prepared, and only then', async () => {
  vi.useFakeTimers()
  const answers: Record<string, unknown> = {
    [models]: { models: [model({ state: 'converting' })] },
  }
  const fetched = answerFetch(answers)
  const { load, selected } = inScope(useModels)
  await load()
  expect(selected.value).toBeNull()
  answers[models] = { models: [model()] }
  await vi.advanceTimersByTimeAsync(3000)
  expect(selected.value?.name).toBe('v3')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(fetched).toHaveBeenCalledTimes(2)
})

it('asks on after a poll that was lost', async () => {
  vi.useFakeTimers()
  const answers: Record<string, unknown> = {
    [models]: { models: [model({ state: 'converting' })] },
  }
  answerFetch(answers)
  const { load, selected, failure, stop } = inScope(useModels)
  await load()
  answers[models] = undefined
  await vi.advanceTimersByTimeAsync(3000)
  expect(failure.value?.kind).toBe('offline')
  answers[models] = { models: [model()] }
  await vi.advanceTimersByTimeAsync(3000)
  expect([selected.value?.name, failure.value]).toEqual(['v3', null])
  stop()
})

it('tells a slow server from a failed one', async () => {
  vi.useFakeTimers()
  vi.stubGlobal('fetch', () => new Promise(() => {}))
  const { load, slow, failure } = inScope(useModels)
  void load()
  await vi.advanceTimersByTimeAsync(5000)
  expect(slow.value).toBe(true)
  expect(failure.value).toBeNull()

  vi.useRealTimers()
  answerFetch({})
  await load()
  await flushPromises()
  expect(slow.value).toBe(false)
  expect(failure.value?.kind).toBe('offline')
})

it('reports an answer that is no JSON', async () => {
  answerFetch({ [models]: new Response('<html></html>') })
  const { load, failure } = inScope(useModels)
  await load()
  expect(failure.value?.kind).toBe('garbled')
})
