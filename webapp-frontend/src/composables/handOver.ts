import { nextTick } from 'vue'
import type { Picked } from '@/format/file'

/** Something that one page was given and the next one takes up, once. */
function handOver<T>() {
  let held: T | null = null

  /** Hold `value` while the page that takes it opens; what is not taken by then is forgotten. */
  async function give(value: T, opening: Promise<unknown>) {
    held = value
    // that a page does not open is told elsewhere
    await opening.catch(() => {})
    await nextTick()
    if (held === value) held = null
  }

  function take(): T | null {
    const taken = held
    held = null
    return taken
  }

  return { give, take }
}

export const photoToCompare = handOver<File>()
export const photosToCheck = handOver<Picked>()
