import { onScopeDispose, ref } from 'vue'
import { asFailure, getTensorBoard, type TensorBoardStatus } from '@/api/client'

const startingPoll = 1000
const readyPoll = 15_000
const longestPause = 15_000

export type TensorBoardState = TensorBoardStatus['state'] | 'asking'

/** Ask until TensorBoard answers, ever more slowly; keep asking so that a restart is noticed. */
export function useTensorBoard() {
  const state = ref<TensorBoardState>('asking')
  const detail = ref('')
  const pause = ref(0)
  let failures = 0
  let stopped = false
  let timer: ReturnType<typeof setTimeout> | undefined

  async function poll() {
    clearTimeout(timer)
    try {
      take(await getTensorBoard())
    } catch (reason) {
      // one lost poll is no reason to tear down a frame that works
      if (state.value !== 'ready') {
        take({ state: 'unavailable', detail: asFailure(reason).title + '.' })
      }
    }
    if (stopped) return
    pause.value = pauseFor(state.value)
    timer = setTimeout(poll, pause.value)
  }

  function take(answer: TensorBoardStatus) {
    failures = answer.state === 'unavailable' ? failures + 1 : 0
    state.value = answer.state
    detail.value = answer.detail
  }

  function pauseFor(current: TensorBoardState): number {
    if (current === 'ready') return readyPoll
    if (current === 'starting') return startingPoll
    return Math.min(startingPoll * 2 ** failures, longestPause)
  }

  onScopeDispose(() => {
    stopped = true
    clearTimeout(timer)
  })
  void poll()
  return { state, detail, pause, poll }
}
