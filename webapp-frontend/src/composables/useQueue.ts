import pLimit from 'p-limit'
import { computed, ref, shallowRef } from 'vue'
import { asFailure, type Limits } from '@/api/client'
import type { Failure } from '@/api/failure'
import { judgePatiently } from '@/api/patience'
import { checkFile, folderRefused, type Picked } from '@/format/file'
import { canRetry, isDone, isRunning, isStopped, type Entry, type State } from '@/format/queue'
import { claimQueue } from '@/storage/claim'
import { makeThumbnail } from '@/storage/thumbnail'
import { openStore, type QueueStore } from '@/storage/queueStore'

export const mostEntries = 50
const atOnce = 2

/** Photographs on their way to verdicts, two at a time; kept in the browser and nowhere else. */
export function createQueue(store: QueueStore, claim = claimQueue) {
  const entries = shallowRef<Entry[]>([])
  /** What was removed last, for as long as it can be brought back. */
  const removed = shallowRef<Entry[]>([])
  /** The names of the last ones that had no room in the queue. */
  const leftOut = shallowRef<string[]>([])
  /** Whether what is shown will be there after a reload. */
  const lasting = ref(true)
  /** Whether another tab has the queue; when that is closed, this one takes over. */
  const elsewhere = ref(false)
  /** The network for what is sent next; null leaves the choice to the server. */
  const model = ref<string | null>(null)

  const uploads = new Map<number, AbortController>()
  const checking = pLimit(atOnce)
  const drawing = pLimit(1)
  const restored = restore()

  async function restore() {
    await claim(() => (elsewhere.value = true))
    elsewhere.value = false
    await keeping(async () => (entries.value = await store.load()))
  }

  /** Take as many as there is room for, and start with them. */
  async function add({ files, folders }: Picked, limits: Limits | null) {
    await restored
    const room = Math.max(0, mostEntries - entries.value.length)
    const given = [
      ...files.map((file) =>
        entryOf(
          file,
          refusal(() => checkFile(file, limits)),
        ),
      ),
      ...folders.map((name) => entryOf(new File([], name), folderRefused(name))),
    ]
    const added = given.slice(0, room)
    leftOut.value = given.slice(room).map(({ name }) => name)
    removed.value = []
    entries.value = [...entries.value, ...added]
    keep(added)
    added.forEach(draw)
    start((entry) => added.includes(entry) && entry.file !== null)
  }

  function draw({ id, file }: Entry) {
    if (!file) return
    void drawing(async () => {
      change(id, { thumbnail: await makeThumbnail(file) })
      save(id)
    })
  }

  /** Send those chosen again, or for the first time. */
  function start(which: (entry: Entry) => boolean) {
    for (const { id } of entries.value.filter(which)) {
      const upload = new AbortController()
      uploads.set(id, upload)
      change(id, { state: { step: 'waiting' }, finished: null })
      void checking(() => check(id, upload.signal))
    }
  }

  async function check(id: number, signal: AbortSignal) {
    const file = find(id)?.file
    if (!file || signal.aborted) return
    const show = (state: State) => !signal.aborted && change(id, { state })
    show({ step: 'sending', share: 0 })
    try {
      const judgement = await judgePatiently(file, {
        model: model.value,
        signal,
        onProgress: (share) => show({ step: 'sending', share }),
        onWait: (seconds) => show({ step: 'pausing', seconds }),
      })
      if (!signal.aborted) finish(id, { step: 'judged', judgement }, null)
    } catch (reason) {
      if (signal.aborted) return
      const failure = asFailure(reason)
      finish(id, { step: 'failed', failure }, failure.retriable ? file : null)
    }
  }

  function finish(id: number, state: State, file: File | null) {
    uploads.delete(id)
    change(id, { state, file, finished: Date.now() })
    save(id)
  }

  /** Break off everything that runs or waits; what is done stays. */
  function cancel() {
    for (const { id } of entries.value.filter(isRunning)) {
      uploads.get(id)?.abort()
      change(id, { state: { step: 'stopped' } })
    }
  }

  function remove(id: number) {
    takeOut((entry) => entry.id === id)
    void keeping(() => store.remove(id))
  }

  function clear() {
    takeOut(() => true)
    void keeping(async () => {
      await store.clear()
      // there is room again
      lasting.value = true
    })
  }

  function takeOut(which: (entry: Entry) => boolean) {
    const gone = entries.value.filter(which)
    for (const { id } of gone) uploads.get(id)?.abort()
    entries.value = entries.value.filter((entry) => !gone.includes(entry))
    removed.value = gone.map((entry) =>
      isRunning(entry) ? { ...entry, state: { step: 'stopped' } } : entry,
    )
    leftOut.value = []
  }

  function undoRemoval() {
    const back = removed.value
    removed.value = []
    entries.value = [...entries.value, ...back].sort((a, b) => a.id - b.id)
    keep(back)
  }

  const find = (id: number) => entries.value.find((entry) => entry.id === id)

  function change(id: number, changes: Partial<Entry>) {
    const changed = (list: Entry[]) =>
      list.map((entry) => (entry.id === id ? { ...entry, ...changes } : entry))
    entries.value = changed(entries.value)
    // a small picture that was still being drawn comes back with its entry
    removed.value = changed(removed.value)
  }

  function keep(added: Entry[]) {
    void keeping(() => store.add(added))
  }

  function save(id: number) {
    const entry = find(id)
    if (entry) void keeping(() => store.save(entry))
  }

  async function keeping(work: () => Promise<unknown>) {
    try {
      await work()
    } catch {
      lasting.value = false
    }
  }

  return {
    entries,
    removed,
    leftOut,
    lasting,
    elsewhere,
    model,
    running: computed(() => entries.value.some(isRunning)),
    done: computed(() => entries.value.filter(isDone).length),
    add,
    cancel,
    goOn: () => start(isStopped),
    retry: (id?: number) =>
      start((entry) => canRetry(entry) && (id === undefined || entry.id === id)),
    remove,
    clear,
    undoRemoval,
  }
}

let lastId = 0

/** In the order of adding, and unlike those of another tab or of the last visit. */
function nextId(): number {
  lastId = Math.max(lastId + 1, Date.now() * 1000)
  return lastId
}

function entryOf(file: File, failure: Failure | null): Entry {
  const now = Date.now()
  return {
    id: nextId(),
    name: file.name,
    size: file.size,
    added: now,
    finished: failure ? now : null,
    thumbnail: null,
    file: failure ? null : file,
    state: failure ? { step: 'failed', failure } : { step: 'waiting' },
  }
}

function refusal(check: () => void): Failure | null {
  try {
    check()
    return null
  } catch (reason) {
    return asFailure(reason)
  }
}

let shared: ReturnType<typeof createQueue> | null = null

/** The page's one queue, which goes on while other views are looked at. */
export const useQueue = () => (shared ??= createQueue(openStore()))
