import type { Picked } from '@/format/file'

let held: Picked | null = null

/** Files that one page was given and another checks. */
export function useHandOver() {
  const handOver = (picked: Picked) => (held = picked)

  function takeOver(): Picked | null {
    const taken = held
    held = null
    return taken
  }

  return { handOver, takeOver }
}
