import { describe, expect, it } from 'vitest'
import { photo } from '@/testing/samples'
import { checkFile, onlyFile } from './file'

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

describe('onlyFile', () => {
  const transfer = (files: File[], entries: object[] = []) =>
    ({
      files,
      items: entries.map((entry) => ({ webkitGetAsEntry: () => entry })),
    }) as unknown as DataTransfer

  it('takes the single file', () => {
    const file = photo()
    expect(onlyFile(transfer([file]))).toBe(file)
  })

  it('names a folder', () => {
    const folder = { isDirectory: true, name: 'holiday' }
    expect(() => onlyFile(transfer([photo('holiday', '')], [folder]))).toThrow(
      /holiday is a folder/,
    )
  })

  it('counts what is too many and refuses what is no file', () => {
    expect(() => onlyFile(transfer([photo(), photo(), photo()]))).toThrow(/3 files at once/)
    expect(() => onlyFile(transfer([]))).toThrow(/no file/)
  })
})
