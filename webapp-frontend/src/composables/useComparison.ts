import { computed, onScopeDispose, shallowReactive, shallowRef } from 'vue'
import { asFailure, type Limits, type Prediction } from '@/api/client'
import type { Failure } from '@/api/failure'
import { judgePatiently } from '@/api/patience'
import { checkFile } from '@/format/file'

const requestsAtOnce = 2

/** Where one network stands with the photograph. */
export type Answer =
  | { step: 'waiting' }
  | { step: 'sending' }
  /** The server is busy and said when to ask again. */
  | { step: 'pausing'; seconds: number }
  | { step: 'judged'; prediction: Prediction }
  | { step: 'failed'; failure: Failure }
  | { step: 'cancelled' }

interface Round {
  file: File
  controller: AbortController
  queue: string[]
  sending: number
}

/** One photograph before several networks, asked a few at a time. */
export function useComparison() {
  const file = shallowRef<File | null>(null)
  /** Why the last file was refused; what was there before it stays. */
  const refusal = shallowRef<Failure | null>(null)
  /** By the network's name. */
  const answers = shallowReactive(new Map<string, Answer>())
  const running = computed(() => [...answers.values()].some(isUnderWay))
  let round: Round | null = null

  /** Take the file that `pick` returns, unless it or the limits refuse. */
  function choose(pick: () => File, limits: Limits | null) {
    refusal.value = null
    try {
      const picked = pick()
      checkFile(picked, limits)
      clear()
      file.value = picked
    } catch (reason) {
      refusal.value = asFailure(reason)
    }
  }

  function compare(models: string[]) {
    stop()
    answers.clear()
    ask(models)
  }

  /** Ask these networks, after those that are still being asked. */
  function ask(models: string[]) {
    if (!file.value) return
    round ??= { file: file.value, controller: new AbortController(), queue: [], sending: 0 }
    round.queue.push(...models)
    for (const model of models) answers.set(model, { step: 'waiting' })
    fill(round)
  }

  function fill(current: Round) {
    while (current.sending < requestsAtOnce) {
      const model = current.queue.shift()
      if (model === undefined) return
      void send(model, current)
    }
  }

  async function send(model: string, current: Round) {
    // a round that was left is no longer heard
    const show = (answer: Answer) => round === current && answers.set(model, answer)
    current.sending++
    show({ step: 'sending' })
    show(await answerOf(model, current, show))
    current.sending--
    if (round === current) fill(current)
  }

  /** Break off what is under way; what has been answered stays. */
  function cancel() {
    stop()
    for (const [model, answer] of answers) {
      if (isUnderWay(answer)) answers.set(model, { step: 'cancelled' })
    }
  }

  function stop() {
    const left = round
    round = null
    left?.controller.abort()
  }

  function clear() {
    stop()
    file.value = null
    refusal.value = null
    answers.clear()
  }

  onScopeDispose(clear)
  return { file, refusal, answers, running, choose, compare, ask, cancel }
}

export const isUnderWay = ({ step }: Answer) =>
  step === 'waiting' || step === 'sending' || step === 'pausing'

async function answerOf(
  model: string,
  { file, controller }: Round,
  show: (answer: Answer) => void,
): Promise<Answer> {
  try {
    const { prediction } = await judgePatiently(file, {
      model,
      signal: controller.signal,
      onProgress: () => show({ step: 'sending' }),
      onWait: (seconds) => show({ step: 'pausing', seconds }),
    })
    return { step: 'judged', prediction }
  } catch (reason) {
    return { step: 'failed', failure: asFailure(reason) }
  }
}
