import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Entry } from '@/format/queue'
import { FakeRequest, fakeUploads } from '@/testing/fakes'
import { entry, limits, photo, prediction } from '@/testing/samples'
import { createQueue, mostEntries } from './useQueue'

const drawing = vi.hoisted(() => vi.fn(async (): Promise<string | null> => null))
vi.mock('@/storage/thumbnail', () => ({ makeThumbnail: drawing }))

const answer = { model: { name: 'v3', version: '1.0' }, results: [prediction()] }

beforeEach(() => {
  fakeUploads()
  vi.useFakeTimers()
})
afterEach(() => void vi.useRealTimers())

function fakeStore(kept: Entry[] = []) {
  return {
    load: vi.fn(async () => kept),
    add: vi.fn(async () => {}),
    save: vi.fn(async () => {}),
    remove: vi.fn(async () => {}),
    clear: vi.fn(async () => {}),
  }
}

const photos = (number: number) =>
  Array.from({ length: number }, (_, index) => photo(`${index}.jpg`))

async function filled(files: File[], store = fakeStore()) {
  const queue = createQueue(store)
  await queue.add({ files, folders: [] }, limits)
  await settled()
  return { queue, store, states: () => queue.entries.value.map(({ state }) => state.step) }
}

async function settled() {
  await vi.advanceTimersByTimeAsync(0)
  await flushPromises()
}

async function respond(
  request: FakeRequest | undefined,
  ...response: Parameters<FakeRequest['answer']>
) {
  request?.answer(...response)
  await settled()
}

it('sends two at a time, with the chosen network', async () => {
  const { queue, states } = await filled(photos(3))
  expect(states()).toEqual(['sending', 'sending', 'waiting'])
  expect(FakeRequest.all).toHaveLength(2)
  queue.model.value = 'v2'
  await respond(FakeRequest.all[0], 200, answer)
  expect(states()).toEqual(['judged', 'sending', 'sending'])
  expect(FakeRequest.last.address).toBe('/api/v1/predictions?model=v2')
  expect(queue.done.value).toBe(1)
})

it('names what it refuses and goes on with the rest', async () => {
  const { queue } = await filled([
    photo('empty.jpg', 'image/jpeg', ''),
    photo('notes.txt', 'text/plain'),
    photo('huge.jpg', 'image/jpeg', 'x'.repeat(101)),
    photo(),
  ])
  await queue.add({ files: [], folders: ['holiday'] }, limits)
  expect(
    queue.entries.value.map(({ state }) =>
      state.step === 'failed' ? state.failure.title : state.step,
    ),
  ).toEqual([
    'empty.jpg is empty',
    'notes.txt is not an image',
    'huge.jpg is too big',
    'sending',
    'holiday is a folder',
  ])
})

it(`holds ${mostEntries} and names what it left out`, async () => {
  const { queue } = await filled(photos(mostEntries - 1))
  await queue.add({ files: photos(11), folders: [] }, limits)
  expect(queue.entries.value).toHaveLength(mostEntries)
  expect(queue.leftOut.value).toEqual(
    photos(11)
      .slice(1)
      .map(({ name }) => name),
  )
})

it('tells what failed, goes on, and sends it again when asked', async () => {
  const { queue, states } = await filled(photos(3))
  FakeRequest.all[0]?.onerror?.()
  await settled()
  await respond(FakeRequest.all[1], 200, '<html>')
  await respond(FakeRequest.all[2], 200, answer)
  expect(states()).toEqual(['failed', 'failed', 'judged'])
  queue.retry()
  await settled()
  expect(states()).toEqual(['sending', 'sending', 'judged'])
  await respond(FakeRequest.all[3], 200, answer)
  expect(states()[0]).toBe('judged')
})

it('does not send again what will never do', async () => {
  const { queue, states } = await filled(photos(1))
  const problem = { title: 'Damaged', detail: 'It is cut off.', status: 422 }
  await respond(FakeRequest.last, 422, problem)
  expect(queue.entries.value[0]).toMatchObject({
    file: null,
    state: { failure: { kind: 'problem' } },
  })
  queue.retry()
  expect(states()).toEqual(['failed'])
})

it('keeps a photograph whose network is gone, for another one', async () => {
  const { queue, states } = await filled(photos(1))
  await respond(FakeRequest.last, 404, { title: 'No such model', detail: 'There is no v9.' })
  expect(states()).toEqual(['failed'])
  queue.model.value = 'v2'
  queue.retry()
  await settled()
  expect(FakeRequest.last.address).toBe('/api/v1/predictions?model=v2')
  await respond(FakeRequest.last, 200, answer)
  expect(states()).toEqual(['judged'])
})

it.each([503, 429])('waits as a busy server says: %d', async (status) => {
  const { queue, states } = await filled(photos(1))
  await respond(FakeRequest.last, status, {}, { 'Retry-After': '7' })
  expect(queue.entries.value[0]?.state).toEqual({ step: 'pausing', seconds: 7 })
  await vi.advanceTimersByTimeAsync(6999)
  expect(FakeRequest.all).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(FakeRequest.all).toHaveLength(2)
  await respond(FakeRequest.last, 200, answer)
  expect(states()).toEqual(['judged'])
})

it('gives up on a server that stays busy or asks for too much', async () => {
  const { states } = await filled(photos(1))
  for (let tries = 1; tries < 5; tries++) {
    await respond(FakeRequest.last, 503, {}, { 'Retry-After': '2' })
    expect(states()).toEqual(['pausing'])
    await vi.advanceTimersByTimeAsync(2000)
  }
  await respond(FakeRequest.last, 503, {}, { 'Retry-After': '2' })
  expect(states()).toEqual(['failed'])

  const other = await filled(photos(1))
  await respond(FakeRequest.last, 503, {}, { 'Retry-After': '3600' })
  expect(other.states()).toEqual(['failed'])
})

it('can be cancelled and goes on later, also out of a pause', async () => {
  const { queue, states } = await filled(photos(4))
  await respond(FakeRequest.all[0], 200, answer)
  await respond(FakeRequest.all[1], 503, {}, { 'Retry-After': '7' })
  expect(states()).toEqual(['judged', 'pausing', 'sending', 'waiting'])
  queue.cancel()
  await settled()
  expect(states()).toEqual(['judged', 'stopped', 'stopped', 'stopped'])
  queue.goOn()
  await settled()
  expect(states()).toEqual(['judged', 'sending', 'sending', 'waiting'])
  for (const request of FakeRequest.all.slice(-2)) await respond(request, 200, answer)
  await respond(FakeRequest.last, 200, answer)
  expect(states()).toEqual(['judged', 'judged', 'judged', 'judged'])
})

it('forgets all at once and can bring it back', async () => {
  const { queue, store, states } = await filled(photos(2))
  await respond(FakeRequest.all[0], 200, answer)
  queue.clear()
  await settled()
  expect(states()).toEqual([])
  expect(store.clear).toHaveBeenCalled()
  queue.undoRemoval()
  expect(states()).toEqual(['judged', 'stopped'])
})

it('brings back what was removed with the small picture drawn since', async () => {
  let drawn: (thumbnail: string) => void = () => {}
  drawing.mockReturnValueOnce(new Promise((resolve) => (drawn = resolve)))
  const { queue } = await filled(photos(1))
  queue.clear()
  drawn('data:image/webp;base64,')
  await settled()
  queue.undoRemoval()
  expect(queue.entries.value[0]?.thumbnail).toBe('data:image/webp;base64,')
})

it('takes one out and goes on with the others', async () => {
  const { queue, store, states } = await filled(photos(3))
  const first = queue.entries.value[0]?.id ?? 0
  queue.remove(first)
  await settled()
  expect(store.remove).toHaveBeenCalledWith(first)
  expect(states()).toEqual(['sending', 'sending'])
})

it('shows what the last visit left and starts nothing by itself', async () => {
  const kept = [entry({ state: { step: 'stopped' }, file: photo() })]
  const queue = createQueue(fakeStore(kept))
  await settled()
  expect(queue.entries.value).toEqual(kept)
  expect(FakeRequest.all).toHaveLength(0)
})

it('keeps each step, without the file once there is a verdict', async () => {
  const { store } = await filled(photos(1))
  expect(store.add).toHaveBeenCalledWith([expect.objectContaining({ file: expect.any(File) })])
  await respond(FakeRequest.last, 200, answer)
  expect(store.save).toHaveBeenLastCalledWith(
    expect.objectContaining({ file: null, state: expect.objectContaining({ step: 'judged' }) }),
  )
})

it('works where nothing can be kept, and says so', async () => {
  const store = fakeStore()
  store.load.mockRejectedValue(new Error('no database'))
  const { queue, states } = await filled(photos(1), store)
  await respond(FakeRequest.last, 200, answer)
  expect(states()).toEqual(['judged'])
  expect(queue.lasting.value).toBe(false)
})

it('keeps again once everything is cleared', async () => {
  const store = fakeStore()
  store.add.mockRejectedValueOnce(new Error('full'))
  const { queue } = await filled(photos(1), store)
  expect(queue.lasting.value).toBe(false)
  queue.clear()
  await settled()
  expect(queue.lasting.value).toBe(true)
})

it('waits for another tab that has the queue, and then goes on with what both have', async () => {
  let closeOther = () => {}
  const store = fakeStore([entry({ state: { step: 'stopped' }, file: photo() })])
  const queue = createQueue(store, (onTaken) => {
    onTaken()
    return new Promise((resolve) => (closeOther = resolve))
  })
  void queue.add({ files: photos(1), folders: [] }, limits)
  await settled()
  expect(queue.elsewhere.value).toBe(true)
  expect(store.load).not.toHaveBeenCalled()
  expect(FakeRequest.all).toHaveLength(0)
  closeOther()
  await settled()
  expect(queue.elsewhere.value).toBe(false)
  expect(queue.entries.value.map(({ state }) => state.step)).toEqual(['stopped', 'sending'])
})
