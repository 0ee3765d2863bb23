import { onScopeDispose, ref, shallowRef } from 'vue'
import { asFailure } from '@/api/client'
import type { Failure } from '@/api/failure'

const slowAfter = 4000

/** One request as state: its data, its failure, and whether it is taking long. */
export function useLoad<T>(fetcher: () => Promise<T>) {
  const data = shallowRef<T | null>(null)
  const failure = shallowRef<Failure | null>(null)
  const slow = ref(false)
  let latest = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  async function load() {
    const mine = ++latest
    failure.value = null
    slow.value = false
    clearTimeout(timer)
    timer = setTimeout(() => (slow.value = true), slowAfter)
    try {
      const answer = await fetcher()
      if (mine === latest) data.value = answer
    } catch (reason) {
      if (mine === latest) failure.value = asFailure(reason)
    } finally {
      if (mine === latest) {
        clearTimeout(timer)
        slow.value = false
      }
    }
  }

  onScopeDispose(() => {
    latest++
    clearTimeout(timer)
  })
  return { data, failure, slow, load }
}
