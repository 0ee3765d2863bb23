import { expect, it, vi } from 'vitest'
import { FakeRequest, fakeUploads } from '@/testing/fakes'
import { photo } from '@/testing/samples'
import { judge } from './upload'

it('sends what was asked for from a browser that cannot count parameters', () => {
  fakeUploads()
  // as Safari before 17 and Firefox before 112
  vi.spyOn(URLSearchParams.prototype, 'size', 'get').mockReturnValue(undefined as never)
  const { signal } = new AbortController()
  void judge(photo(), { model: 'v3', explain: true, signal, onProgress: () => {} })
  expect(FakeRequest.last.address).toBe('/api/v1/predictions?model=v3&explain=true')
})
