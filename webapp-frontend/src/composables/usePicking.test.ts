import { mount } from '@vue/test-utils'
import { expect, it, vi } from 'vitest'
import { photo } from '@/testing/samples'
import { usePicking } from './usePicking'

const item = (file: File | null) => ({ kind: file ? 'file' : 'string', getAsFile: () => file })

/** An event that carries these, as happy-dom does not make it. */
const carrying = (type: 'paste' | 'drop', ...files: (File | null)[]) =>
  Object.assign(new Event(type), {
    [type === 'paste' ? 'clipboardData' : 'dataTransfer']: { items: files.map(item) },
  })

function picking() {
  const take = vi.fn()
  mount({ setup: () => usePicking(take), template: '<p />' })
  return take
}

it('takes a pasted picture and leaves pasted text alone', () => {
  const take = picking()
  window.dispatchEvent(carrying('paste', null))
  expect(take).not.toHaveBeenCalled()
  const pasted = photo()
  window.dispatchEvent(carrying('paste', null, pasted))
  expect(take).toHaveBeenCalledExactlyOnceWith({ files: [pasted], folders: [] })
})

it('hands on that what was dropped is no file', () => {
  const take = picking()
  window.dispatchEvent(carrying('drop', null))
  expect(take).toHaveBeenCalledExactlyOnceWith({ files: [], folders: [] })
})
