import { expect, it } from 'vitest'
import { Failure, offline } from '@/api/failure'
import { entry, photo } from '@/testing/samples'
import { fromRow, toRow } from './queueStore'

it('brings a failure back with what it can do', () => {
  const row = structuredClone(toRow(entry({ state: { step: 'failed', failure: offline() } })))
  const { state } = fromRow(row, photo())
  expect(state).toMatchObject({ step: 'failed', failure: { kind: 'offline' } })
  expect(state.step === 'failed' && state.failure).toBeInstanceOf(Failure)
})

it.each([
  { step: 'waiting' },
  { step: 'sending', share: 0.5 },
  { step: 'pausing', seconds: 3 },
] as const)('leaves what was $step as not checked', (state) => {
  const row = toRow(entry({ state }))
  expect(fromRow(row, photo()).state).toEqual({ step: 'stopped' })
})

it.each([{ step: 'waiting' }, { step: 'failed', failure: offline() }] as const)(
  'asks for a photograph again that was not kept ($step)',
  (state) =>
    expect(fromRow(toRow(entry({ state })), null).state).toMatchObject({
      failure: { kind: 'refused', detail: expect.stringContaining('Add it again') },
    }),
)
