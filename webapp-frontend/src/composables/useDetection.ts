import { onScopeDispose, shallowRef } from 'vue'
import { asFailure, type Limits } from '@/api/client'
import type { Failure } from '@/api/failure'
import { judge, type Judgement } from '@/api/upload'
import { checkFile } from '@/format/file'
import { heatMaps } from '@/format/evidence'

/** What can be asked for once there is a verdict. */
export type Closer = 'explain' | 'secondLook'

interface Judged {
  step: 'judged'
  file: File
  judgement: Judgement
  /** What is being looked at more closely, and what was last. */
  asking: Closer | null
  seen: Closer | null
  /** Why the last closer look brought nothing. */
  failure: Failure | null
  /** Why checking again brought no other verdict. */
  notAgain: Failure | null
}

/** Where one photograph stands on its way to a verdict. */
export type Detection =
  | { step: 'empty' }
  | { step: 'chosen'; file: File }
  /** `before` is the verdict that stands until there is another. */
  | { step: 'sending'; file: File; progress: number; before: Judged | null }
  | Judged
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
    stop()
    const { file } = current
    const before = current.step === 'judged' ? judged(file, current.judgement) : null
    const mine = (upload = new AbortController())
    const onProgress = (progress: number) => {
      if (upload === mine) detection.value = { step: 'sending', file, progress, before }
    }
    onProgress(0)
    try {
      const judgement = await judge(file, { model, signal: mine.signal, onProgress })
      if (upload === mine) detection.value = judged(file, judgement)
    } catch (reason) {
      if (upload !== mine) return
      if (mine.signal.aborted) {
        detection.value = before ?? { step: 'chosen', file }
      } else {
        const failure = asFailure(reason)
        detection.value = before
          ? { ...before, notAgain: failure }
          : { step: 'failed', file, failure }
      }
    }
  }

  /** Ask for more about a photograph that has its verdict, which stays until the answer is there. */
  async function lookCloser(closer: Closer) {
    const current = detection.value
    if (current.step !== 'judged' || current.asking) return
    const { file, judgement } = current
    const before: Judged = { ...current, failure: null, notAgain: null }
    const mine = (upload = new AbortController())
    detection.value = { ...before, asking: closer }
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
      if (upload !== mine) return
      detection.value = mine.signal.aborted ? before : { ...before, failure: asFailure(reason) }
    }
  }

  /** Break off the upload; the photograph stays, and the verdict if there was one. */
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

const judged = (file: File, judgement: Judgement): Judged => ({
  step: 'judged',
  file,
  judgement,
  asking: null,
  seen: null,
  failure: null,
  notAgain: null,
})
