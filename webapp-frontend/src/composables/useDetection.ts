import { onScopeDispose, shallowRef } from 'vue'
import { asFailure, type Limits } from '@/api/client'
import type { Failure } from '@/api/failure'
import { judge, type Judgement } from '@/api/upload'
import { checkFile } from '@/format/file'
import { heatMaps } from '@/format/evidence'

/** What can be asked for once there is a verdict. */
export type Closer = 'explain' | 'secondLook'

/** Where one photograph stands on its way to a verdict. */
export type Detection =
  | { step: 'empty' }
  | { step: 'chosen'; file: File }
  | { step: 'sending'; file: File; progress: number }
  | {
      step: 'judged'
      file: File
      judgement: Judgement
      /** What is being looked at more closely, and what was last. */
      asking: Closer | null
      seen: Closer | null
      /** Why the last closer look brought nothing. */
      failure: Failure | null
    }
  | { step: 'failed'; file: File; failure: Failure }

export function useDetection() {
  const detection = shallowRef<Detection>({ step: 'empty' })
  /** Why the last file was refused; what was there before it stays. */
  const refusal = shallowRef<Failure | null>(null)
  let upload: AbortController | null = null

  /** Take the file that `pick` returns, unless it or the limits refuse. */
  function choose(pick: () => File, limits: Limits | null) {
    refusal.value = null
    try {
      const file = pick()
      checkFile(file, limits)
      stop()
      detection.value = { step: 'chosen', file }
    } catch (reason) {
      refusal.value = asFailure(reason)
    }
  }

  async function send(model: string | null) {
    const current = detection.value
    if (current.step === 'empty' || current.step === 'sending') return
    const { file } = current
    const mine = (upload = new AbortController())
    const onProgress = (progress: number) => {
      if (upload === mine) detection.value = { step: 'sending', file, progress }
    }
    onProgress(0)
    try {
      const judgement = await judge(file, { model, signal: mine.signal, onProgress })
      if (upload === mine) detection.value = judged(file, judgement)
    } catch (reason) {
      if (upload !== mine) return
      detection.value = mine.signal.aborted
        ? { step: 'chosen', file }
        : { step: 'failed', file, failure: asFailure(reason) }
    }
  }

  /** Ask for more about a photograph that has its verdict, which stays until the answer is there. */
  async function lookCloser(closer: Closer) {
    const before = detection.value
    if (before.step !== 'judged' || before.asking) return
    const { file, judgement } = before
    const mine = (upload = new AbortController())
    detection.value = { ...before, asking: closer, failure: null }
    try {
      const answer = await judge(file, {
        model: judgement.model.name,
        explain: closer === 'explain' || heatMaps(judgement.prediction).length > 0,
        secondLook: closer === 'secondLook' || judgement.prediction.second_look !== null,
        signal: mine.signal,
        onProgress: () => {},
      })
      if (upload === mine) detection.value = { ...judged(file, answer), seen: closer }
    } catch (reason) {
      if (upload === mine) detection.value = { ...before, failure: asFailure(reason) }
    }
  }

  /** Break off the upload and keep the photograph. */
  const cancel = () => upload?.abort()

  function clear() {
    stop()
    refusal.value = null
    detection.value = { step: 'empty' }
  }

  /** Break off the upload; whatever it still reports is no longer heard. */
  function stop() {
    const running = upload
    upload = null
    running?.abort()
  }

  onScopeDispose(clear)
  return { detection, refusal, choose, send, lookCloser, cancel, clear }
}

const judged = (file: File, judgement: Judgement) =>
  ({ step: 'judged', file, judgement, asking: null, seen: null, failure: null }) as const
