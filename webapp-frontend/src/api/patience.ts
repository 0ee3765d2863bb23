import { Failure } from './failure'
import { judge, type Judgement, type UploadOptions } from './upload'

const mostTries = 5
const longestWait = 120

interface PatientOptions extends UploadOptions {
  /** Called with the seconds that the server asked to wait. */
  onWait: (seconds: number) => void
}

/** Send one image; where a busy server says when to come back, do so, within bounds. */
export async function judgePatiently(file: File, options: PatientOptions): Promise<Judgement> {
  for (let tries = 1; ; tries++) {
    try {
      return await judge(file, options)
    } catch (reason) {
      const seconds = reason instanceof Failure ? reason.retryAfter : null
      if (seconds === null || seconds > longestWait || tries === mostTries) throw reason
      options.onWait(seconds)
      await pause(seconds, options.signal)
    }
  }
}

function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    })
  })
}
