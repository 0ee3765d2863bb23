import { nextTick } from 'vue'

/**
 * Call before `part` changes: where the focused control goes with it, the heading of the panel
 * around takes the focus, or the content of the page; otherwise a keyboard would start again at
 * the top.
 */
export async function handOnFocus(part: Element | null) {
  if (!part?.contains(document.activeElement)) return
  const panel = part.closest('.panel')
  await nextTick()
  if (part.contains(document.activeElement)) return
  const heading = panel?.querySelector<HTMLElement>('[tabindex="-1"], summary')
  const next = heading ?? document.querySelector<HTMLElement>('main')
  next?.focus({ preventScroll: true })
}
