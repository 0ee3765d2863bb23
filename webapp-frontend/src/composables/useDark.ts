import { computed, onScopeDispose, ref } from 'vue'
import { useEventListener } from './useEventListener'
import { useTheme } from './useTheme'

/** Whether the page is dark now, by choice or by the system; never on paper. */
export function useDark() {
  const theme = useTheme()
  const query = matchMedia('(prefers-color-scheme: dark)')
  const system = ref(query.matches)
  const printing = ref(false)
  const follow = () => (system.value = query.matches)

  useEventListener('beforeprint', () => (printing.value = true))
  useEventListener('afterprint', () => (printing.value = false))
  query.addEventListener('change', follow)
  onScopeDispose(() => query.removeEventListener('change', follow))
  return computed(
    () => !printing.value && (theme.value === 'system' ? system.value : theme.value === 'dark'),
  )
}
