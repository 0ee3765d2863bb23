import { expect, it } from 'vitest'
import { failureOf } from './failure'

const problem = { type: 'x', title: 'Not an image', status: 415, detail: 'It is a PDF.' }

it('shows a problem in the server’s own words and offers no vain retry', () => {
  const failure = failureOf(415, problem, null)
  expect([failure.title, failure.detail]).toEqual(['Not an image', 'It is a PDF.'])
  expect(failure.passing).toBe(false)
})

it('offers another try after a slow upload', () => {
  expect(failureOf(408, problem, null).passing).toBe(true)
})

it('takes a network that is gone for no fault of the file', () => {
  const failure = failureOf(404, { ...problem, title: 'No such model' }, null)
  expect([failure.passing, failure.retriable]).toEqual([false, true])
})

it('calls what keeps the server from answering by its own name', () => {
  const full = { ...problem, title: 'No room for the upload', request_id: 'abc' }
  expect(failureOf(503, full, null)).toMatchObject({
    title: 'No room for the upload',
    requestId: 'abc',
  })
  expect(failureOf(503, null, null).title).toBe('The server is busy')
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
