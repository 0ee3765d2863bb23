import { onScopeDispose, ref, watch, type Ref } from 'vue'

/** An address under which the page can show a file that never left the browser. */
export function useObjectUrl(file: Ref<File | null>) {
  const url = ref<string | null>(null)

  function release() {
    if (url.value) URL.revokeObjectURL(url.value)
    url.value = null
  }

  watch(
    file,
    (next) => {
      release()
      if (next) url.value = URL.createObjectURL(next)
    },
    { immediate: true },
  )
  onScopeDispose(release)
  return url
}
