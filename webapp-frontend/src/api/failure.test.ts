import { expect, it } from 'vitest'
import { failureOf } from './failure'

const problem = { type: 'x', title: 'Not an image', status: 415, detail: 'It is a PDF.' }

it('shows a problem in the server’s own words and offers no vain retry', () => {
  const failure = failureOf(415, problem, null)
  expect([failure.title, failure.detail]).toEqual(['Not an image', 'It is a PDF.'])
  expect(failure.passing).toBe(false)
})

it('says how long a busy server asks to wait', () => {
  const failure = failureOf(503, { ...problem, detail: 'The queue is full.' }, '7')
  expect(failure.detail).toBe('The queue is full. Try again in about 7 s.')
  expect(failure.retryAfter).toBe(7)
  expect(failure.passing).toBe(true)
})

it('offers a retry after a fault of the server', () => {
  expect(failureOf(500, problem, null).passing).toBe(true)
})

it('copes with an answer that is no problem document', () => {
  expect(failureOf(502, '<html>', null).kind).toBe('garbled')
  expect(failureOf(503, null, null)).toMatchObject({ retryAfter: null })
  expect(failureOf(503, null, null).detail).toContain('in a moment')
})
