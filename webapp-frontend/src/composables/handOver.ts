import type { Picked } from '@/format/file'

/** Something that one page was given and the next one takes up, once. */
function handOver<T>() {
  let held: T | null = null

  const give = (value: T) => (held = value)

  function take(): T | null {
    const taken = held
    held = null
    return taken
  }

  return { give, take }
}

export const photoToCompare = handOver<File>()
export const photosToCheck = handOver<Picked>()
