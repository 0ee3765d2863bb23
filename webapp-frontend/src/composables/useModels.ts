import { computed, onScopeDispose, ref } from 'vue'
import { getModels } from '@/api/client'
import { useLoad } from './useLoad'

const convertingPoll = 3000

/** The model folder, asked again for as long as a network in it is being prepared. */
export function useModels() {
  const { data: models, failure, slow, load: ask } = useLoad(getModels)
  let timer: ReturnType<typeof setTimeout> | undefined
  let stopped = false

  async function load() {
    await ask()
    clearTimeout(timer)
    // one lost poll is no reason to stop: the list still says what is being prepared
    const waits = models.value?.some(({ state }) => state === 'converting')
    if (waits && !stopped) timer = setTimeout(load, convertingPoll)
  }

  onScopeDispose(() => {
    stopped = true
    clearTimeout(timer)
  })

  const chosen = ref<string | null>(null)
  const usable = computed(() => models.value?.filter(({ state }) => state === 'ready') ?? [])
  const selected = computed(
    () =>
      usable.value.find(({ name }) => name === chosen.value) ??
      usable.value.find((model) => model.default) ??
      usable.value[0] ??
      null,
  )
  return { models, failure, slow, load, chosen, selected }
}
