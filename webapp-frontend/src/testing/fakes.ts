import { vi } from 'vitest'
import { effectScope } from 'vue'

/** Run a composable outside a component; `stop` ends it as unmounting would. */
export function inScope<T>(composable: () => T): T & { stop: () => void } {
  const scope = effectScope()
  const result = scope.run(composable) as T
  return { ...result, stop: () => scope.stop() }
}

/** Answer every fetch by its path; a path without an answer fails as a lost connection does. */
export function answerFetch(answers: Record<string, unknown>) {
  const fake = vi.fn(async (request: Request | string) => {
    const address = typeof request === 'string' ? request : request.url
    const answer = answers[new URL(address, 'http://localhost').pathname]
    if (answer === undefined) throw new TypeError('Failed to fetch')
    return answer instanceof Response ? answer.clone() : Response.json(answer)
  })
  vi.stubGlobal('fetch', fake)
  return fake
}

/** The XMLHttpRequests the code under test makes, answered by hand. */
export class FakeRequest {
  static all: FakeRequest[] = []
  static last: FakeRequest
  upload: { onprogress?: (event: object) => void; onload?: () => void } = {}
  onload?: () => void
  onerror?: () => void
  onabort?: () => void
  status = 0
  responseText = ''
  address = ''
  headers: Record<string, string> = {}
  open = (_: string, address: string) => (this.address = address)
  send = vi.fn()
  abort = () => this.onabort?.()
  getResponseHeader = (name: string) => this.headers[name] ?? null

  constructor() {
    FakeRequest.last = this
    FakeRequest.all.push(this)
  }

  answer(status: number, body: unknown, headers: Record<string, string> = {}) {
    this.status = status
    this.responseText = typeof body === 'string' ? body : JSON.stringify(body)
    this.headers = headers
    this.onload?.()
  }
}

export function fakeUploads() {
  FakeRequest.all = []
  vi.stubGlobal('XMLHttpRequest', FakeRequest)
}
