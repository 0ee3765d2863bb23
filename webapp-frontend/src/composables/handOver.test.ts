import { expect, it } from 'vitest'
import { photo } from '@/testing/samples'
import { photoToCompare } from './handOver'

it('gives what it was given, once', () => {
  const given = photo()
  photoToCompare.give(given)
  expect(photoToCompare.take()).toBe(given)
  expect(photoToCompare.take()).toBeNull()
})
