import type { components } from './schema'

type Problem = components['schemas']['Problem']

export type FailureKind =
  'refused' | 'problem' | 'missing' | 'fault' | 'busy' | 'offline' | 'garbled'

const notFound = 404
const tooSlow = 408

/** Anything that kept an answer away, in words a person can act on. */
export class Failure extends Error {
  constructor(
    readonly kind: FailureKind,
    readonly title: string,
    readonly detail: string,
    readonly requestId: string | null = null,
    /** Seconds after which the server wants to be asked again. */
    readonly retryAfter: number | null = null,
  ) {
    super(`${title}: ${detail}`)
  }

  /** Whether the same request may succeed later. */
  get passing(): boolean {
    return this.retriable && this.kind !== 'missing'
  }

  /** Whether the same file may do later, or with another network. */
  get retriable(): boolean {
    return this.kind !== 'refused' && this.kind !== 'problem'
  }
}

/** What an answer that is no success says, problem document or not. */
export function failureOf(status: number, body: unknown, retryAfter: string | null): Failure {
  if (status === 503 || status === 429) return busy(body, retryAfter)
  if (isProblem(body)) {
    return new Failure(kindOf(status), body.title, body.detail, body.request_id ?? null)
  }
  return garbled(status)
}

function kindOf(status: number): FailureKind {
  if (status === notFound) return 'missing'
  // a line that was too slow once may be faster the next time
  return status < 500 && status !== tooSlow ? 'problem' : 'fault'
}

export function offline(): Failure {
  return new Failure(
    'offline',
    'The server cannot be reached',
    'The connection failed before an answer came. Check that you are online and that the server runs, then try again.',
  )
}

export function garbled(status: number): Failure {
  return new Failure(
    'garbled',
    'The server sent something unreadable',
    `The answer (status ${status}) was not what this page understands. A proxy in between may have replaced it. Try again in a moment.`,
  )
}

function busy(body: unknown, retryAfter: string | null): Failure {
  const problem = isProblem(body) ? body : null
  const reason = problem ? `${problem.detail} ` : ''
  const seconds = Number(retryAfter)
  const wait = seconds > 0 ? `in about ${seconds} s` : 'in a moment'
  return new Failure(
    'busy',
    problem?.title ?? 'The server is busy',
    `${reason}Try again ${wait}.`,
    problem?.request_id ?? null,
    seconds > 0 ? seconds : null,
  )
}

function isProblem(body: unknown): body is Problem {
  return (
    typeof body === 'object' &&
    body !== null &&
    typeof (body as Problem).title === 'string' &&
    typeof (body as Problem).detail === 'string'
  )
}
