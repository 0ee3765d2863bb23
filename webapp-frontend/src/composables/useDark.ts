import { computed, onScopeDispose, ref } from 'vue'
import { useTheme } from './useTheme'

/** Whether the page is dark now, by choice or by the system. */
export function useDark() {
  const theme = useTheme()
  const query = matchMedia('(prefers-color-scheme: dark)')
  const system = ref(query.matches)
  const follow = () => (system.value = query.matches)

  query.addEventListener('change', follow)
  onScopeDispose(() => query.removeEventListener('change', follow))
  return computed(() => (theme.value === 'system' ? system.value : theme.value === 'dark'))
}
