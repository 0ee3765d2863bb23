import { flushPromises } from '@vue/test-utils'
import { beforeEach, expect, it, vi } from 'vitest'
import { FakeRequest, fakeUploads, inScope } from '@/testing/fakes'
import { heatMap, photo, prediction, secondLook } from '@/testing/samples'
import { useDetection } from './useDetection'

const answer = { model: { name: 'v3', version: '1.0' }, results: [prediction()] }

beforeEach(fakeUploads)

function chosen() {
  const use = inScope(useDetection)
  use.choose(() => photo(), null)
  return use
}

it('goes from a photograph to its verdict', async () => {
  const { detection, send } = chosen()
  expect(detection.value.step).toBe('chosen')
  const sent = send('v 3')
  expect(FakeRequest.last.address).toBe('/api/v1/predictions?model=v+3')
  FakeRequest.last.upload.onprogress?.({ loaded: 30, total: 40 })
  expect(detection.value).toMatchObject({ step: 'sending', progress: 0.75 })
  FakeRequest.last.answer(200, answer)
  await sent
  expect(detection.value).toMatchObject({
    step: 'judged',
    judgement: { model: { name: 'v3' }, prediction: { verdict: 'fake' } },
  })
})

it('keeps the photograph when the upload is cancelled', async () => {
  const { detection, send, cancel } = chosen()
  const sent = send(null)
  expect(FakeRequest.last.address).toBe('/api/v1/predictions')
  cancel()
  await sent
  expect(detection.value).toMatchObject({ step: 'chosen', file: { name: 'portrait.jpg' } })
})

it.each([
  ['a page instead of JSON', (r: FakeRequest) => r.answer(200, '<html>'), 'garbled'],
  ['JSON of another shape', (r: FakeRequest) => r.answer(200, { ok: true }), 'garbled'],
  ['a lost connection', (r: FakeRequest) => r.onerror?.(), 'offline'],
  ['a busy server', (r: FakeRequest) => r.answer(503, {}, { 'Retry-After': '3' }), 'busy'],
  [
    'a problem inside a good answer',
    (r: FakeRequest) =>
      r.answer(200, {
        model: answer.model,
        results: [{ file: 'x', problem: { status: 422, title: 'Broken', detail: 'Cut off.' } }],
      }),
    'problem',
  ],
])('tells %s and can be asked again', async (_, respond, kind) => {
  const { detection, send } = chosen()
  let sent = send(null)
  respond(FakeRequest.last)
  await sent
  expect(detection.value).toMatchObject({ step: 'failed', failure: { kind } })

  sent = send(null)
  FakeRequest.last.answer(200, answer)
  await sent
  expect(detection.value.step).toBe('judged')
})

it('ignores the answer for a photograph that was replaced meanwhile', async () => {
  const { detection, send, choose } = chosen()
  const sent = send(null)
  const late = FakeRequest.last
  choose(() => photo('other.jpg'), null)
  late.answer(200, answer)
  await sent
  await flushPromises()
  expect(detection.value).toMatchObject({ step: 'chosen', file: { name: 'other.jpg' } })
})

it('refuses before anything is sent', () => {
  const { detection, refusal, choose } = inScope(useDetection)
  choose(() => photo('notes.txt', 'text/plain'), null)
  expect(detection.value.step).toBe('empty')
  expect(refusal.value?.kind).toBe('refused')
})

async function judged() {
  const use = chosen()
  const sent = use.send('v3')
  FakeRequest.last.answer(200, answer)
  await sent
  return use
}

it('keeps the verdict when another file is refused', async () => {
  const { detection, refusal, choose } = await judged()
  const before = detection.value
  choose(() => photo('letter.pdf', 'application/pdf'), null)
  expect(detection.value).toBe(before)
  expect(refusal.value?.title).toBe('letter.pdf is not an image')
  choose(() => photo('other.jpg'), null)
  expect(detection.value).toMatchObject({ step: 'chosen', file: { name: 'other.jpg' } })
  expect(refusal.value).toBeNull()
})

it('goes on sending when another file is refused', async () => {
  const { detection, send, choose } = chosen()
  const sent = send(null)
  choose(() => photo('letter.pdf', 'application/pdf'), null)
  FakeRequest.last.answer(200, answer)
  await sent
  expect(detection.value.step).toBe('judged')
})

it('looks closer and keeps what was seen before', async () => {
  const { detection, lookCloser } = await judged()
  const explained = lookCloser('explain')
  expect(FakeRequest.last.address).toBe('/api/v1/predictions?model=v3&explain=true')
  expect(detection.value).toMatchObject({ step: 'judged', asking: 'explain' })
  const results = [prediction({ heat_map: heatMap() })]
  FakeRequest.last.answer(200, { ...answer, results })
  await explained
  expect(detection.value).toMatchObject({ asking: null, seen: 'explain' })

  const again = lookCloser('secondLook')
  expect(FakeRequest.last.address).toContain('explain=true&second_look=true')
  FakeRequest.last.answer(200, {
    ...answer,
    results: [prediction({ heat_map: heatMap(), second_look: secondLook() })],
  })
  await again
  expect(detection.value).toMatchObject({
    seen: 'secondLook',
    judgement: { prediction: { second_look: { lowest: 0.91 } } },
  })
})

it.each([
  ['cancelled', (use: Awaited<ReturnType<typeof judged>>) => use.cancel(), null],
  ['lost', () => FakeRequest.last.onerror?.(), { kind: 'offline' }],
])('has its verdict back when checking again is %s', async (_, end, notAgain) => {
  const use = await judged()
  const again = use.send('v4')
  expect(use.detection.value).toMatchObject({ step: 'sending', before: { step: 'judged' } })
  end(use)
  await again
  expect(use.detection.value).toMatchObject({
    step: 'judged',
    judgement: { model: { name: 'v3' } },
    notAgain,
  })
})

it('breaks a closer look off to check again', async () => {
  const { detection, lookCloser, send } = await judged()
  const look = lookCloser('explain')
  const abort = vi.spyOn(FakeRequest.last, 'abort')
  const again = send('v3')
  expect(abort).toHaveBeenCalledOnce()
  await look
  FakeRequest.last.answer(200, answer)
  await again
  expect(detection.value).toMatchObject({ step: 'judged', asking: null, seen: null })
})

it('keeps the verdict when a closer look is cancelled', async () => {
  const { detection, lookCloser, cancel } = await judged()
  const look = lookCloser('explain')
  cancel()
  await look
  expect(detection.value).toMatchObject({ step: 'judged', asking: null, failure: null })
})

it('keeps the verdict when a closer look fails, and can be asked again', async () => {
  const { detection, lookCloser } = await judged()
  const first = lookCloser('secondLook')
  const waiting = FakeRequest.last
  await lookCloser('explain')
  expect(FakeRequest.last).toBe(waiting)
  waiting.onerror?.()
  await first
  expect(detection.value).toMatchObject({
    step: 'judged',
    asking: null,
    failure: { kind: 'offline' },
    judgement: { prediction: { verdict: 'fake' } },
  })
  const second = lookCloser('secondLook')
  FakeRequest.last.answer(200, answer)
  await second
  expect(detection.value).toMatchObject({ seen: 'secondLook', failure: null })
})
