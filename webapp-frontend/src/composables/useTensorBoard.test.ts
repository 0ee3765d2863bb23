import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { answerFetch, inScope } from '@/testing/fakes'
import { useTensorBoard } from './useTensorBoard'

const path = '/api/v1/tensorboard'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('waits until TensorBoard is ready', async () => {
  const answers = { [path]: { state: 'starting', detail: 'It starts.' } }
  answerFetch(answers)
  const { state, detail, stop } = inScope(useTensorBoard)
  expect(state.value).toBe('asking')
  await vi.advanceTimersByTimeAsync(500)
  expect([state.value, detail.value]).toEqual(['starting', 'It starts.'])
  answers[path] = { state: 'ready', detail: '' }
  await vi.advanceTimersByTimeAsync(1000)
  expect(state.value).toBe('ready')
  stop()
})

it('keeps trying, ever more slowly', async () => {
  const fetched = answerFetch({ [path]: { state: 'unavailable', detail: 'No logs.' } })
  const { stop } = inScope(useTensorBoard)
  await vi.advanceTimersByTimeAsync(10_000)
  const early = fetched.mock.calls.length
  await vi.advanceTimersByTimeAsync(60_000)
  const late = fetched.mock.calls.length - early
  expect(early).toBeGreaterThanOrEqual(3)
  expect(late).toBeGreaterThanOrEqual(3)
  expect(late).toBeLessThanOrEqual(6)
  stop()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(fetched).toHaveBeenCalledTimes(early + late)
})

it('keeps a working frame when one poll is lost, and drops it when told', async () => {
  const answers: Record<string, unknown> = { [path]: { state: 'ready', detail: '' } }
  answerFetch(answers)
  const { state, stop } = inScope(useTensorBoard)
  await vi.advanceTimersByTimeAsync(0)
  answers[path] = undefined
  await vi.advanceTimersByTimeAsync(20_000)
  expect(state.value).toBe('ready')
  answers[path] = { state: 'starting', detail: 'It restarts.' }
  await vi.advanceTimersByTimeAsync(20_000)
  expect(state.value).toBe('starting')
  stop()
})
