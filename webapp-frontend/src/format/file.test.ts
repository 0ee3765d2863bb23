import { describe, expect, it } from 'vitest'
import { photo } from '@/testing/samples'
import { checkFile, onlyFile, pickedFrom } from './file'

const limits = {
  max_file_bytes: 10,
  max_pixels: 50_000_000,
  max_files: 16,
  max_request_bytes: 64_000_000,
}

describe('checkFile', () => {
  it.each([
    ['an empty file', photo('empty.jpg', 'image/jpeg', ''), /empty\.jpg is empty.*0 bytes/],
    ['a wrong type', photo('letter.pdf', 'application/pdf'), /letter\.pdf is not an image.*pdf/],
    ['too many bytes', photo('big.jpg', 'image/jpeg', 'x'.repeat(11)), /big\.jpg.*up to 10 bytes/],
  ])('refuses %s and names it', (_, file, words) => {
    expect(() => checkFile(file, limits)).toThrow(words)
  })

  it('lets through what only the server can judge', () => {
    expect(() => checkFile(photo('scan', ''), limits)).not.toThrow()
    expect(() => checkFile(photo('big.jpg', 'image/jpeg', 'x'.repeat(11)), null)).not.toThrow()
  })
})

describe('what is dropped', () => {
  const item = (file: File | null, isDirectory = false) => ({
    kind: file ? 'file' : 'string',
    getAsFile: () => file,
    webkitGetAsEntry: () => (file ? { isDirectory } : null),
  })
  const transfer = (...items: object[]) => ({ items }) as unknown as DataTransfer

  it('is told apart into files and folders; text is left', () => {
    const dropped = transfer(item(photo()), item(photo('holiday', ''), true), item(null))
    expect(pickedFrom(dropped)).toMatchObject({
      files: [{ name: 'portrait.jpg' }],
      folders: ['holiday'],
    })
  })

  it('is a single file where one is wanted', () => {
    const file = photo()
    expect(onlyFile({ files: [file], folders: [] })).toBe(file)
    expect(() => onlyFile({ files: [], folders: ['holiday'] })).toThrow(/holiday is a folder/)
    expect(() => onlyFile({ files: [], folders: [] })).toThrow(/no file/)
  })
})
