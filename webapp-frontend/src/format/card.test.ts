import { describe, expect, it } from 'vitest'
import type { Evaluation, Prediction } from '@/api/client'
import { card, detail, face, prediction, scores } from '@/testing/samples'
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
  const reliability = [
    bin(0, 40, 0.12),
    bin(0.5, 19, 0.5),
    bin(0.6, 0, null),
    bin(0.9, 1200, 0.9992),
  ]
  const measured = card({ evaluations: [{ ...evaluation, reliability }] })
  const claim = (fake_probability: number, changes: Partial<Prediction> = {}) =>
    likeThisClaim(measured, prediction({ fake_probability, ...changes }))

  it('says what became of the test images with such a score, beside the base rate', () => {
    expect(claim(0.95)).toBe(
      'Of the 1,200 test images scored 90–100 %, 1,199 were fake; of all 1,000 test images, 600.',
    )
    expect(claim(1)).toContain('1,199 were fake')
    expect(claim(0)).toContain('Of the 40 test images scored 0–10 %, 5 were fake')
  })

  it('says nothing from few images, or none', () => {
    expect(claim(0.55)).toBeNull()
    expect(claim(0.65)).toBeNull()
    expect(likeThisClaim(card(), prediction())).toBeNull()
    expect(likeThisClaim(card({ evaluations: [] }), prediction())).toBeNull()
  })

  it('says nothing of a picture without a face that can be judged', () => {
    expect(claim(0.95, { reason: 'no_face' })).toBeNull()
    expect(claim(0.95, { reason: 'faces_too_small' })).toBeNull()
  })

  it('compares the highest of several faces with nothing, and says why', () => {
    const tooSmall = face({ fake_probability: null, too_small: true })
    expect(claim(0.95, { faces: [face(), tooSmall] })).toContain('1,199 were fake')
    const caution = claim(0.95, { faces: [face(), tooSmall, face()] })
    expect(caution).toContain('one face per image')
    expect(caution).toContain('2 faces were scored')
    expect(caution).not.toContain('were fake')
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
    expect(text(banded).get('Cannot tell')).toBe('between 42.0 % and 58.0 %')
  })
})
