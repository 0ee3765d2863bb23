import { onActivated, onDeactivated, onMounted, onUnmounted } from 'vue'

/** Listen on the window for as long as the component is shown. */
export function useEventListener<K extends keyof WindowEventMap>(
  type: K,
  listener: (event: WindowEventMap[K]) => void,
) {
  // the same listener is only added once
  const listen = () => window.addEventListener(type, listener)
  const stop = () => window.removeEventListener(type, listener)
  onMounted(listen)
  onActivated(listen)
  onDeactivated(stop)
  onUnmounted(stop)
}
