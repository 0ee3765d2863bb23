import { ref } from 'vue'
import { isNothing, pickedFrom, type Picked } from '@/format/file'
import { useEventListener } from './useEventListener'

/** Files from a drop anywhere on the page, from the clipboard, or from a file input. */
export function usePicking(take: (picked: Picked) => void) {
  const over = ref(false)

  // the whole page takes a drop: beside the stage the browser would leave for the file
  useEventListener('dragover', (event) => {
    event.preventDefault()
    over.value = true
  })
  useEventListener('dragleave', (event) => {
    if (!event.relatedTarget) over.value = false
  })
  useEventListener('drop', (event) => {
    event.preventDefault()
    over.value = false
    if (event.dataTransfer) take(pickedFrom(event.dataTransfer))
  })
  useEventListener('paste', (event) => {
    const picked = event.clipboardData ? pickedFrom(event.clipboardData) : null
    // text that is pasted here was meant for another place
    if (picked && !isNothing(picked)) take(picked)
  })

  function chosen(input: HTMLInputElement | null) {
    const files = [...(input?.files ?? [])]
    if (!input || files.length === 0) return
    take({ files, folders: [] })
    // otherwise choosing the same files again would be no change
    input.value = ''
  }

  return { over, chosen }
}
