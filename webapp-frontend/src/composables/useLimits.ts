import { getLimits, type Limits } from '@/api/client'
import { useLoad } from './useLoad'

const longestWait = 2000

/** What the server takes; asked for anew for as long as it has not said so. */
export function useLimits() {
  const { data: limits, load } = useLoad(getLimits)
  let asking: Promise<void> | null = null

  /** The limits, or null where they do not come soon: the server itself refuses what it must. */
  async function inTime(): Promise<Limits | null> {
    if (limits.value) return limits.value
    asking ??= load()
    await Promise.race([asking, pause(longestWait)])
    asking = null
    return limits.value
  }

  return { limits, inTime }
}

const pause = (time: number) => new Promise((resolve) => setTimeout(resolve, time))
