import type { Prediction, Verdict } from '@/api/client'
import type { Failure } from '@/api/failure'
import { count, percent } from './format'
import { verdictWords } from './verdict'

/** One network's word on a photograph. */
export interface Vote {
  model: string
  prediction: Prediction
}

export interface Agreement {
  kind: 'agree' | 'disagree' | 'undecided'
  headline: string
  detail: string
}

const list = new Intl.ListFormat('en-GB', { type: 'conjunction' })

/** Whether the networks that answered say the same; null where there is nothing to compare. */
export function agreementOf(votes: Vote[]): Agreement | null {
  if (votes.length < 2) return null
  const fake = namesOf(votes, 'fake')
  const real = namesOf(votes, 'real')
  const unsure = namesOf(votes, 'inconclusive')
  const number = votes.length === 2 ? 'Both' : `All ${count(votes.length)}`
  if (fake.length && real.length) {
    const rest = unsure.length ? `; ${says(unsure, 'inconclusive')}` : ''
    return {
      kind: 'disagree',
      headline: 'The networks disagree',
      detail: `${says(fake, 'fake')}; ${says(real, 'real')}${rest}. Treat the picture as unchecked.`,
    }
  }
  if (unsure.length === votes.length) {
    return {
      kind: 'undecided',
      headline: 'No network can tell',
      detail: `${number} say the picture is inconclusive. Treat it as unchecked.`,
    }
  }
  const verdict = fake.length ? 'fake' : 'real'
  if (unsure.length) {
    return {
      kind: 'undecided',
      headline: 'The networks agree only in part',
      detail: `${says([...fake, ...real], verdict)}; ${says(unsure, 'inconclusive')}.`,
    }
  }
  return {
    kind: 'agree',
    headline: 'The networks agree',
    detail: `${number} say the picture is likely ${verdict}. Networks that learned from the same images make the same mistakes, so this is no proof either.`,
  }
}

/** How far apart the scores lie. */
export function spreadSentence(votes: Vote[]): string {
  const scores = votes.map(({ prediction }) => prediction.fake_probability)
  const [lowest, highest] = [Math.min(...scores), Math.max(...scores)].map((score) =>
    percent(score),
  )
  return lowest === highest
    ? `The probability of a fake is ${lowest} for each.`
    : `The probability of a fake runs from ${lowest} to ${highest}.`
}

/** What a screen reader hears when one network has answered. */
export function spokenVote({ model, prediction }: Vote): string {
  const { headline } = verdictWords(prediction)
  return `${model}: ${headline}, ${percent(prediction.fake_probability)} probability of a fake.`
}

/** What a screen reader hears when one network could not answer. */
export const spokenFailure = (model: string, { title }: Failure) =>
  `${model} gave no answer: ${title}.`

const namesOf = (votes: Vote[], verdict: Verdict) =>
  votes.filter(({ prediction }) => prediction.verdict === verdict).map(({ model }) => model)

function says(models: string[], verdict: Verdict): string {
  const one = models.length === 1
  if (verdict === 'inconclusive') return `${list.format(models)} cannot tell`
  return `${list.format(models)} ${one ? 'says' : 'say'} likely ${verdict}`
}
