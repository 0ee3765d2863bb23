import { openDB, type DBSchema, type IDBPObjectStore } from 'idb'
import pLimit from 'p-limit'
import { Failure } from '@/api/failure'
import { isRunning, type Entry, type State } from '@/format/queue'

/** An entry as the database can hold it: the file lies apart, and a failure loses its class. */
export interface Row extends Omit<Entry, 'file' | 'state'> {
  state: Exclude<State, { step: 'failed' }> | { step: 'failed'; failure: FailureFacts }
}
type FailureFacts = Pick<Failure, 'kind' | 'title' | 'detail' | 'requestId'>

interface Schema extends DBSchema {
  rows: { key: number; value: Row }
  files: { key: number; value: File }
}

type Store<Name extends 'rows' | 'files'> = IDBPObjectStore<
  Schema,
  ('rows' | 'files')[],
  Name,
  'readwrite'
>
type Rows = Store<'rows'>
type Files = Store<'files'>

/** The queue in the browser's own database; each call rejects where there is none or it is full. */
export type QueueStore = ReturnType<typeof openStore>

export function openStore() {
  const opened = open()
  // each call tells who made it; before the first one nobody listens
  opened.catch(() => {})
  // one after the other, so that an older state never replaces a newer one
  const inTurn = pLimit(1)

  async function load(): Promise<Entry[]> {
    const database = await opened
    const rows = await database.getAll('rows')
    return Promise.all(
      rows.map(async (row) => fromRow(row, (await database.get('files', row.id)) ?? null)),
    )
  }

  /** Keep what was added, all at once: a page may be closed right after. */
  const add = (entries: Entry[]) =>
    inTurn(async () => {
      try {
        await write(entries, (entry, rows, files) => [
          rows.put(toRow(entry)),
          entry.file && files.put(entry.file, entry.id),
        ])
      } catch (full) {
        await write(entries, (entry, rows) => [rows.put(toRow(entry))])
        throw full
      }
    })

  /** Keep what is known of an entry, and forget its file once it is no longer needed. */
  const save = (entry: Entry) =>
    inTurn(() =>
      write([entry], (entry, rows, files) => [
        rows.put(toRow(entry)),
        !entry.file && files.delete(entry.id),
      ]),
    )

  const remove = (id: number) =>
    inTurn(async () => {
      const database = await opened
      await Promise.all([database.delete('rows', id), database.delete('files', id)])
    })

  const clear = () =>
    inTurn(async () => {
      const database = await opened
      await Promise.all([database.clear('rows'), database.clear('files')])
    })

  /** Change both stores in one transaction: a disk may take a second for each. */
  async function write(
    entries: Entry[],
    change: (entry: Entry, rows: Rows, files: Files) => unknown[],
  ) {
    const transaction = (await opened).transaction(['rows', 'files'], 'readwrite')
    const [rows, files] = [transaction.objectStore('rows'), transaction.objectStore('files')]
    await Promise.all([...entries.flatMap((entry) => change(entry, rows, files)), transaction.done])
  }

  return { load, add, save, remove, clear }
}

async function open() {
  return openDB<Schema>('queue', 1, {
    upgrade(database) {
      database.createObjectStore('rows', { keyPath: 'id' })
      database.createObjectStore('files')
    },
  })
}

export function toRow(entry: Entry): Row {
  const { id, name, size, added, finished, thumbnail, state } = entry
  const facts = { id, name, size, added, finished, thumbnail }
  if (isRunning(entry)) return { ...facts, state: { step: 'stopped' } }
  if (state.step !== 'failed') return { ...facts, state }
  const { kind, title, detail, requestId } = state.failure
  return { ...facts, state: { step: 'failed', failure: { kind, title, detail, requestId } } }
}

export function fromRow(row: Row, file: File | null): Entry {
  return { ...row, file, state: stateFrom(row, file) }
}

function stateFrom({ state }: Row, file: File | null): State {
  if (state.step === 'stopped' && !file) return { step: 'failed', failure: fileLost }
  if (state.step !== 'failed') return state
  const { kind, title, detail, requestId } = state.failure
  const failure = new Failure(kind, title, detail, requestId)
  return { step: 'failed', failure: failure.retriable && !file ? fileLost : failure }
}

const fileLost = new Failure(
  'refused',
  'Not checked',
  'The page was closed before, and the browser had no room to keep the photograph. Add it again.',
)
