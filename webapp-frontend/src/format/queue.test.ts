import { describe, expect, it } from 'vitest'
import { offline } from '@/api/failure'
import { entry, judgement } from '@/testing/samples'
import { outcomes, sorted, spokenProgress, stateWords, usedModels, type Entry } from './queue'

const scored = (name: string, fake_probability: number) =>
  entry({ name, state: { step: 'judged', judgement: judgement({ fake_probability }) } })
const failed = () => entry({ name: 'failed', state: { step: 'failed', failure: offline() } })

describe('sorted', () => {
  const entries = [scored('middle', 0.5), failed(), scored('high', 0.9), scored('low', 0.1)]

  it.each([
    ['added', ['middle', 'failed', 'high', 'low']],
    ['highest', ['high', 'middle', 'low', 'failed']],
    ['lowest', ['low', 'middle', 'high', 'failed']],
  ] as const)('puts those without a score last: %s', (order, names) =>
    expect(sorted(entries, order).map(({ name }) => name)).toEqual(names),
  )

  it('leaves equal scores in the order in which they were added', () => {
    const equal = [scored('first', 0.5), scored('second', 0.5)]
    expect(sorted(equal, 'highest').map(({ name }) => name)).toEqual(['first', 'second'])
    expect(sorted(equal, 'lowest').map(({ name }) => name)).toEqual(['first', 'second'])
  })
})

it('counts what came of the queue', () => {
  const entries = [scored('a', 0.9), scored('b', 0.8), failed(), entry({})]
  expect(outcomes(entries)).toEqual(['2 likely fake', '1 failed'])
  expect(outcomes([entry({ state: { step: 'stopped' } })])).toEqual(['1 not checked'])
})

describe('spokenProgress', () => {
  const queue = (done: number, waiting: number): Entry[] => [
    ...Array.from({ length: done }, () => scored('a', 0.9)),
    ...Array.from({ length: waiting }, () => entry({})),
  ]

  it('speaks at the start, at each quarter and at the end, and is silent in between', () => {
    expect(spokenProgress([])).toBe('')
    expect(spokenProgress(queue(1, 7))).toBe('Checking 8 photographs.')
    expect(spokenProgress(queue(2, 6))).toBe('25 % of 8 photographs are done.')
    expect(spokenProgress(queue(3, 5))).toBe(spokenProgress(queue(2, 6)))
    expect(spokenProgress(queue(8, 0))).toBe('8 photographs: 8 likely fake.')
    expect(spokenProgress(queue(1, 0))).toBe('1 photograph: 1 likely fake.')
  })
})

it('says where a photograph is', () => {
  expect(stateWords({ step: 'sending', share: 0.4 })).toBe('Sending, 40 %')
  expect(stateWords({ step: 'sending', share: 1 })).toBe('Looking at the picture')
  expect(stateWords({ step: 'pausing', seconds: 7 })).toContain('trying again in 7 s')
})

it('names each network once', () => {
  expect(usedModels([scored('a', 0.1), failed(), scored('b', 0.2)])).toEqual([
    { name: 'v3', version: '1.0' },
  ])
})
