import { expect, it } from 'vitest'
import { photo } from '@/testing/samples'
import { useCarriedPhoto } from './useCarriedPhoto'

it('is taken up once', () => {
  const { carry } = useCarriedPhoto()
  const { takeUp } = useCarriedPhoto()
  const carried = photo()
  carry(carried)
  expect(takeUp()).toBe(carried)
  expect(takeUp()).toBeNull()
})
