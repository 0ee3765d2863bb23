import { onScopeDispose, shallowRef } from 'vue'
import { asFailure, type Limits } from '@/api/client'
import type { Failure } from '@/api/failure'
import { judge, type Judgement } from '@/api/upload'
import { checkFile } from '@/format/file'

/** Where one photograph stands on its way to a verdict. */
export type Detection =
  | { step: 'empty' }
  | { step: 'chosen'; file: File }
  | { step: 'sending'; file: File; progress: number }
  | { step: 'judged'; file: File; judgement: Judgement }
  | { step: 'failed'; file: File | null; failure: Failure }

export function useDetection() {
  const detection = shallowRef<Detection>({ step: 'empty' })
  let upload: AbortController | null = null

  /** Take the file that `pick` returns, unless it or the limits refuse. */
  function choose(pick: () => File, limits: Limits | null) {
    stop()
    try {
      const file = pick()
      checkFile(file, limits)
      detection.value = { step: 'chosen', file }
    } catch (reason) {
      detection.value = { step: 'failed', file: null, failure: asFailure(reason) }
    }
  }

  async function send(model: string | null) {
    const current = detection.value
    if (current.step === 'empty' || current.step === 'sending' || !current.file) return
    const { file } = current
    const mine = (upload = new AbortController())
    const onProgress = (progress: number) => {
      if (upload === mine) detection.value = { step: 'sending', file, progress }
    }
    onProgress(0)
    try {
      const judgement = await judge(file, { model, signal: mine.signal, onProgress })
      if (upload === mine) detection.value = { step: 'judged', file, judgement }
    } catch (reason) {
      if (upload !== mine) return
      detection.value = mine.signal.aborted
        ? { step: 'chosen', file }
        : { step: 'failed', file, failure: asFailure(reason) }
    }
  }

  /** Break off the upload and keep the photograph. */
  const cancel = () => upload?.abort()

  function clear() {
    stop()
    detection.value = { step: 'empty' }
  }

  /** Break off the upload; whatever it still reports is no longer heard. */
  function stop() {
    const running = upload
    upload = null
    running?.abort()
  }

  onScopeDispose(clear)
  return { detection, choose, send, cancel, clear }
}
