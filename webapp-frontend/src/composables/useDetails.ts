import { shallowReactive, watch } from 'vue'
import { getModel, type ModelDetail } from '@/api/client'

type Network = Pick<ModelDetail, 'name' | 'version'>

// of a network without a card the list says null and a verdict says unknown
const keyOf = ({ name, version }: Network) => `${name} ${version ?? 'unknown'}`

/** Look up what is known of these networks; null where that cannot be read just now. */
export function useDetails(networks: () => Network[]) {
  const details = shallowReactive(new Map<string, ModelDetail>())
  const asked = new Set<string>()

  async function ask(network: Network) {
    const key = keyOf(network)
    if (asked.has(key)) return
    asked.add(key)
    try {
      const detail = await getModel(network.name)
      // the server may have another version by now
      details.set(keyOf(detail), detail)
    } catch {
      asked.delete(key)
    }
  }

  watch(networks, (now) => now.forEach((network) => void ask(network)), { immediate: true })
  return (network: Network | null) => (network ? (details.get(keyOf(network)) ?? null) : null)
}
