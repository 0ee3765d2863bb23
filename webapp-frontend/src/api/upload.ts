import type { Prediction, Predictions } from './client'
import { failureOf, garbled, offline } from './failure'

export interface Judgement {
  prediction: Prediction
  model: Predictions['model']
}

export interface UploadOptions {
  model: string | null
  /** Ask for heat maps. */
  explain?: boolean
  /** Ask for the scores of altered copies. */
  secondLook?: boolean
  signal: AbortSignal
  /** Called with the sent share, 0 to 1. */
  onProgress: (share: number) => void
}

/** Send one image and return its judgement; XMLHttpRequest, since fetch reports no upload progress. */
export function judge(
  file: File,
  { model, explain, secondLook, signal, onProgress }: UploadOptions,
): Promise<Judgement> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    const query = new URLSearchParams()
    if (model !== null) query.set('model', model)
    if (explain) query.set('explain', 'true')
    if (secondLook) query.set('second_look', 'true')
    // its size is unknown to Safari before 17 and Firefox before 112
    const parameters = query.toString()
    request.open('POST', `/api/v1/predictions${parameters ? `?${parameters}` : ''}`)
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0)
    request.upload.onload = () => onProgress(1)
    request.onerror = () => reject(offline())
    request.onabort = () => reject(new DOMException('Cancelled', 'AbortError'))
    request.onload = () => {
      try {
        resolve(judgementOf(request))
      } catch (failure) {
        reject(failure as Error)
      }
    }
    signal.addEventListener('abort', () => request.abort())
    const body = new FormData()
    body.append('file', file, file.name)
    request.send(body)
  })
}

function judgementOf(request: XMLHttpRequest): Judgement {
  const { status } = request
  const body = parse(request.responseText)
  if (status < 200 || status > 299) {
    throw failureOf(status, body, request.getResponseHeader('Retry-After'))
  }
  const { model, results } = (body ?? {}) as Partial<Predictions>
  const result = results?.[0]
  if (!model || !result) throw garbled(status)
  if ('problem' in result) throw failureOf(result.problem.status, result.problem, null)
  return { model, prediction: result }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
