import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { answerFetch } from '@/testing/fakes'
import LogsView from './LogsView.vue'

const path = '/api/v1/tensorboard'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('mounts the frame only once TensorBoard answers', async () => {
  const answers = { [path]: { state: 'starting', detail: 'Reading the logs.' } }
  answerFetch(answers)
  const view = mount(LogsView)
  expect(view.find('iframe').exists()).toBe(false)
  await flushPromises()
  expect(view.find('iframe').exists()).toBe(false)
  expect(view.get('[role=status]').text()).toContain('starting')
  expect(view.text()).toContain('Reading the logs.')

  answers[path] = { state: 'ready', detail: '' }
  await vi.advanceTimersByTimeAsync(1500)
  expect(view.get('iframe').attributes('src')).toBe('/tensorboard/')
  view.unmount()
})

it('says that it keeps trying', async () => {
  answerFetch({})
  const view = mount(LogsView)
  await flushPromises()
  expect(view.get('[role=status]').text()).toContain('Asking again')
  expect(view.get('button').text()).toContain('Try again now')
  view.unmount()
})
