import type { Reason } from '@/api/client'
import type { Failure } from '@/api/failure'
import type { Judgement } from '@/api/upload'
import { count, percent } from './format'
import { headlines } from './verdict'

/** Where one photograph of the queue stands. */
export type State =
  | { step: 'waiting' }
  | { step: 'sending'; share: number }
  /** The server cannot answer now and said when to come back. */
  | { step: 'pausing'; seconds: number }
  /** Cancelled, or left unfinished by a reload. */
  | { step: 'stopped' }
  | { step: 'judged'; judgement: Judgement }
  | { step: 'failed'; failure: Failure }

export interface Entry {
  /** Later entries have higher numbers. */
  id: number
  name: string
  size: number
  added: number
  finished: number | null
  /** A data URL. */
  thumbnail: string | null
  /** Kept for as long as it may have to be sent. */
  file: File | null
  state: State
}

export const orders = {
  added: 'Order added',
  highest: 'Highest score first',
  lowest: 'Lowest score first',
} as const
export type Order = keyof typeof orders

/** Those without a score come last, in the order in which they were added. */
export function sorted(entries: Entry[], order: Order): Entry[] {
  if (order === 'added') return entries
  const sign = order === 'highest' ? -1 : 1
  const scored = entries.filter((entry) => scoreOf(entry) !== null)
  const others = entries.filter((entry) => scoreOf(entry) === null)
  return [
    ...scored.sort((a, b) => sign * ((scoreOf(a) ?? 0) - (scoreOf(b) ?? 0)) || a.id - b.id),
    ...others,
  ]
}

export const scoreOf = ({ state }: Entry): number | null =>
  state.step === 'judged' ? state.judgement.prediction.fake_probability : null

/** Whether something is still to come without anybody's doing. */
export const isRunning = ({ state: { step } }: Entry) =>
  step === 'waiting' || step === 'sending' || step === 'pausing'

export const isStopped = ({ state }: Entry) => state.step === 'stopped'

export const canRetry = ({ state }: Entry) => state.step === 'failed' && state.failure.retriable

export const isDone = ({ state: { step } }: Entry) => step === 'judged' || step === 'failed'

/** What came of the queue so far, for example "3 likely fake", "1 failed". */
export function outcomes(entries: Entry[]): string[] {
  const verdicts = (['fake', 'real', 'inconclusive'] as const).map(
    (verdict) =>
      [
        headlines[verdict].toLowerCase(),
        entries.filter(
          ({ state }) => state.step === 'judged' && state.judgement.prediction.verdict === verdict,
        ),
      ] as const,
  )
  const failed = ['failed', entries.filter(({ state }) => state.step === 'failed')] as const
  const stopped = ['not checked', entries.filter(isStopped)] as const
  return [...verdicts, failed, stopped]
    .filter(([, those]) => those.length > 0)
    .map(([words, those]) => `${count(those.length)} ${words}`)
}

/** The networks that judged, each version once. */
export function usedModels(entries: Entry[]): Judgement['model'][] {
  const models = entries.flatMap(({ state }) =>
    state.step === 'judged' ? [state.judgement.model] : [],
  )
  return [...new Map(models.map((model) => [`${model.name} ${model.version}`, model])).values()]
}

export const photographs = (number: number) =>
  number === 1 ? '1 photograph' : `${count(number)} photographs`

/** What a screen reader hears of the queue: its start, each quarter, and its end. */
export function spokenProgress(entries: Entry[]): string {
  if (entries.length === 0) return ''
  const all = photographs(entries.length)
  if (!entries.some(isRunning)) return `${all}: ${outcomes(entries).join(', ')}.`
  const quarters = Math.floor((entries.filter(isDone).length / entries.length) * 4)
  return quarters === 0 ? `Checking ${all}.` : `${percent(quarters / 4, 0)} of ${all} are done.`
}

/** The states that a row puts into words; verdicts and failures have their own. */
export function stateWords(state: Exclude<State, { step: 'judged' | 'failed' }>): string {
  if (state.step === 'waiting') return 'Waiting'
  if (state.step === 'stopped') return 'Not checked'
  if (state.step === 'pausing') {
    return `The server asked to wait; trying again in ${count(state.seconds)} s`
  }
  return state.share < 1 ? `Sending, ${percent(state.share, 0)}` : 'Looking at the picture'
}

export const briefReasons: Record<Reason, string> = {
  no_face: 'No face was found; the score means little.',
  faces_too_small: 'Every face is too small; the score means little.',
  near_threshold: 'Too close to the middle to tell.',
  unstable: 'Mild changes turn the verdict round.',
}
