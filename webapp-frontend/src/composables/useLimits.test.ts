import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { answerFetch, inScope } from '@/testing/fakes'
import { limits } from '@/testing/samples'
import { useLimits } from './useLimits'

const path = '/api/v1/limits'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('asks once where the server answers', async () => {
  const fetched = answerFetch({ [path]: limits })
  const { inTime } = inScope(useLimits)
  expect(await Promise.all([inTime(), inTime()])).toEqual([limits, limits])
  expect(await inTime()).toEqual(limits)
  expect(fetched).toHaveBeenCalledOnce()
})

it('asks again after a failure', async () => {
  answerFetch({})
  const { inTime } = inScope(useLimits)
  expect(await inTime()).toBeNull()
  answerFetch({ [path]: limits })
  expect(await inTime()).toEqual(limits)
})

it('waits two seconds and no longer, and asks again the next time', async () => {
  vi.stubGlobal('fetch', () => new Promise(() => {}))
  const { inTime } = inScope(useLimits)
  const settled = vi.fn()
  void inTime().then(settled)
  await vi.advanceTimersByTimeAsync(1999)
  expect(settled).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(settled).toHaveBeenCalledWith(null)
  answerFetch({ [path]: limits })
  expect(await inTime()).toEqual(limits)
})
