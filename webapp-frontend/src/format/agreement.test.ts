import { expect, it } from 'vitest'
import type { Verdict } from '@/api/client'
import { prediction } from '@/testing/samples'
import { agreementOf, spokenVote, spreadSentence, type Vote } from './agreement'

const vote = (model: string, verdict: Verdict, fake_probability = 0.5): Vote => ({
  model,
  prediction: prediction({ verdict, fake_probability }),
})

it('needs two words to compare', () => {
  expect(agreementOf([])).toBeNull()
  expect(agreementOf([vote('v3', 'fake')])).toBeNull()
})

it.each<[Verdict[], string, string]>([
  [['fake', 'fake', 'fake'], 'agree', 'All 3 say the picture is likely fake.'],
  [['real', 'real'], 'agree', 'Both say the picture is likely real.'],
  [['fake', 'real', 'fake'], 'disagree', 'v1 and v3 say likely fake; v2 says likely real.'],
  [
    ['inconclusive', 'real', 'fake'],
    'disagree',
    'v3 says likely fake; v2 says likely real; v1 cannot tell.',
  ],
  [['inconclusive', 'real', 'real'], 'undecided', 'v2 and v3 say likely real; v1 cannot tell.'],
  [['inconclusive', 'inconclusive'], 'undecided', 'Both say the picture is inconclusive.'],
])('says of %j that they %s', (verdicts, kind, sentence) => {
  const agreement = agreementOf(verdicts.map((verdict, i) => vote(`v${i + 1}`, verdict)))
  expect(agreement?.kind).toBe(kind)
  expect(agreement?.detail).toContain(sentence)
})

it('tells how far apart the scores lie', () => {
  const votes = [vote('v1', 'fake', 0.7), vote('v2', 'real', 0.304), vote('v3', 'fake', 0.6)]
  expect(spreadSentence(votes)).toBe('The probability of a fake runs from 30.4 % to 70.0 %.')
  expect(spreadSentence(votes.slice(0, 1))).toBe('The probability of a fake is 70.0 % for each.')
})

it('speaks one network’s word', () => {
  expect(spokenVote(vote('v3', 'fake', 0.934))).toBe(
    'v3: Likely fake, 93.4 % probability of a fake.',
  )
})
