import { expect, it } from 'vitest'
import { photo } from '@/testing/samples'
import { photoToCompare } from './handOver'

it('gives what it was given, once', () => {
  const given = photo()
  void photoToCompare.give(given, new Promise(() => {}))
  expect(photoToCompare.take()).toBe(given)
  expect(photoToCompare.take()).toBeNull()
})

it.each([
  ['opened without taking it', () => Promise.resolve()],
  ['could not be opened', () => Promise.reject(new TypeError('Failed to fetch'))],
])('forgets what was given to a page that %s', async (_, opening) => {
  await photoToCompare.give(photo(), opening())
  expect(photoToCompare.take()).toBeNull()
})

it('holds what was given last, whatever became of the page before', async () => {
  const [first, second] = [photo(), photo()]
  const left = photoToCompare.give(first, Promise.resolve())
  void photoToCompare.give(second, new Promise(() => {}))
  await left
  expect(photoToCompare.take()).toBe(second)
})
