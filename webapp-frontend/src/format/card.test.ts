import { describe, expect, it } from 'vitest'
import type { Evaluation } from '@/api/client'
import { card, detail, scores } from '@/testing/samples'
import { cardFacts, imageFacts, likeThisClaim, sourceRows, testClaim } from './card'

const [evaluation] = card().evaluations as [Evaluation]

describe('testClaim', () => {
  it('never gives a figure without its data', () => {
    expect(testClaim(card())).toContain('70.0 % of 1,000 test images')
    expect(testClaim(card())).toContain('Faces in the wild')
  })

  it('claims nothing from a split that was trained on', () => {
    expect(testClaim(card({ evaluations: [{ ...evaluation, split: 'Train' }] }))).toBeNull()
  })
})

describe('likeThisClaim', () => {
  const bin = (low: number, count: number, fraction_fake: number | null) => ({
    low,
    high: low + 0.1,
    count,
    mean_probability: low,
    fraction_fake,
  })
  const reliability = [bin(0, 40, 0.12), bin(0.5, 19, 0.5), bin(0.6, 0, null), bin(0.9, 40, 0.93)]
  const measured = card({ evaluations: [{ ...evaluation, reliability }] })

  it('says what became of the test images with such a score, beside the base rate', () => {
    expect(likeThisClaim(measured, 0.95)).toBe(
      'Of 100 test images scored like this one (90 % to 100 %), 93 were fake; of 100 test images of any score, 60.',
    )
    expect(likeThisClaim(measured, 1)).toContain('93 were fake')
    expect(likeThisClaim(measured, 0)).toContain('12 were fake')
  })

  it('says nothing from few images, or none', () => {
    expect(likeThisClaim(measured, 0.55)).toBeNull()
    expect(likeThisClaim(measured, 0.65)).toBeNull()
    expect(likeThisClaim(card(), 0.95)).toBeNull()
    expect(likeThisClaim(card({ evaluations: [] }), 0.95)).toBeNull()
  })
})

describe('sourceRows', () => {
  it('puts the sum last', () => {
    const sources = { all: scores(), dfdc: scores(), faces: scores() }
    const names = sourceRows({ ...evaluation, sources }).map(({ name }) => name)
    expect(names).toEqual(['dfdc', 'faces', 'All together'])
  })

  it('does not repeat a single source as its own sum', () => {
    const names = sourceRows({ ...evaluation, sources: { all: scores(), dfdc: scores() } })
    expect(names.map(({ name }) => name)).toEqual(['dfdc'])
  })
})

it('adds images up by split', () => {
  const counts = { 'Train/a/fake': 10, 'Train/a/real': 20, 'Train/b/fake': 1000, Test: 7 }
  expect(imageFacts(counts)).toEqual([
    { term: 'Images, Train', text: '1,030 (a 30, b 1,000)' },
    { term: 'Images, Test', text: '7' },
  ])
})

describe('cardFacts', () => {
  const text = (model = detail()) => new Map(cardFacts(model).map(({ term, text }) => [term, text]))

  it('keeps own parameters and Adam’s variables apart', () => {
    expect(text().get('Parameters')).toBe('3,946,481')
    expect(text().get('Adam’s variables')).toContain('7,892,964')
  })

  it('says that a reading without a card is unproven', () => {
    const reading = { output: 'sigmoid', class_order: ['real', 'fake'], proven: false } as const
    const facts = text(
      detail({ card: null, reading: { ...reading, class_order: ['real', 'fake'] } }),
    )
    expect(facts.get('Output')).toContain('unproven')
    expect(facts.has('SHA-256')).toBe(false)
  })

  it('tells an empty inconclusive band from a real one', () => {
    expect(text().get('Cannot tell')).toContain('never')
    const banded = detail({ card: card({ inconclusive: { low: 0.42, high: 0.58 } }) })
    expect(text(banded).get('Cannot tell')).toBe('between 42 % and 58 %')
  })
})
