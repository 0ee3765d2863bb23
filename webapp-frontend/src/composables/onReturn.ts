import { onActivated, onDeactivated } from 'vue'

/** Run `again` when a view that was kept is shown once more, not when it is first. */
export function onReturn(again: () => void) {
  let left = false
  onDeactivated(() => (left = true))
  onActivated(() => left && again())
}
