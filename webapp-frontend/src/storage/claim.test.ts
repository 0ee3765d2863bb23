import { flushPromises } from '@vue/test-utils'
import { beforeEach, expect, it, vi } from 'vitest'
import { claimQueue } from './claim'

type Granted = (lock: object | null) => Promise<void> | undefined

/** The browser's locks, as far as they are used: one name, and tabs that are closed by hand. */
function fakeLocks() {
  let held = false
  const waiting: Granted[] = []

  function grant(granted: Granted) {
    held = true
    return granted({})
  }

  return {
    request: async (_: string, { ifAvailable }: LockOptions, granted: Granted) => {
      if (held && ifAvailable) return granted(null)
      if (held) waiting.push(granted)
      else void grant(granted)
    },
    closeTab() {
      held = false
      const next = waiting.shift()
      if (next) void grant(next)
    },
  }
}

const locks = fakeLocks()
beforeEach(() => void vi.stubGlobal('navigator', { locks }))

async function openTab() {
  const tab = { taken: vi.fn(), owns: false }
  void claimQueue(tab.taken).then(() => (tab.owns = true))
  await flushPromises()
  return tab
}

it('gives the queue to one tab, and to the next when that is closed', async () => {
  const first = await openTab()
  const second = await openTab()
  expect([first.owns, second.owns]).toEqual([true, false])
  expect(first.taken).not.toHaveBeenCalled()
  expect(second.taken).toHaveBeenCalledOnce()
  locks.closeTab()
  await flushPromises()
  expect(second.owns).toBe(true)
})

it.each([
  ['has no locks', undefined],
  ['denies them', { request: () => Promise.reject(new Error('denied')) }],
])('goes on where the browser %s', async (_, none) => {
  vi.stubGlobal('navigator', { locks: none })
  expect((await openTab()).owns).toBe(true)
})
