import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { answerFetch } from '@/testing/fakes'
import { model } from '@/testing/samples'
import LogsView from './LogsView.vue'

const path = '/api/v1/tensorboard'
const ready = { state: 'ready', detail: '' }
const networks = { models: [model(), model({ name: 'v1', default: false })] }

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

async function open(answers: Record<string, unknown>, address = '/logs') {
  answerFetch(answers)
  const routes = [{ path: '/logs', component: LogsView }]
  const router = createRouter({ history: createMemoryHistory(), routes })
  await router.push(address)
  return { router, view: mount(LogsView, { global: { plugins: [router] } }) }
}

it('mounts the frame only once TensorBoard answers', async () => {
  const answers = { [path]: { state: 'starting', detail: 'Reading the logs.' } }
  const { view } = await open(answers)
  expect(view.find('iframe').exists()).toBe(false)
  await flushPromises()
  expect(view.find('iframe').exists()).toBe(false)
  expect(view.get('[role=status]').text()).toContain('starting')
  expect(view.text()).toContain('Reading the logs.')

  answers[path] = ready
  await vi.advanceTimersByTimeAsync(1500)
  expect(view.get('iframe').attributes('src')).toBe('/tensorboard/')
  view.unmount()
})

it('says that it keeps trying', async () => {
  const { view } = await open({})
  await flushPromises()
  expect(view.get('[role=status]').text()).toContain('Asking again')
  expect(view.get('button').text()).toContain('Try again now')
  view.unmount()
})

it('shows the curves of all networks or of one', async () => {
  const { view, router } = await open({ [path]: ready, '/api/v1/models': networks })
  await flushPromises()
  const select = view.get('select')
  expect(select.findAll('option').map((option) => option.text())).toEqual([
    'All networks',
    'v3',
    'v1',
  ])
  await select.setValue('v1')
  await flushPromises()
  expect(router.currentRoute.value.fullPath).toBe('/logs?model=v1')
  expect(view.get('iframe').attributes('src')).toContain('runFilter=%5Ev1')
  expect(view.get('a').attributes('href')).toContain('runFilter=%5Ev1')
  await select.setValue(null)
  await flushPromises()
  expect(view.get('iframe').attributes('src')).toBe('/tensorboard/')
  view.unmount()
})

it('opens with the network that a link names, also without a list', async () => {
  const { view } = await open({ [path]: ready }, '/logs?model=v4')
  await flushPromises()
  expect(view.get('select').element.value).toBe('v4')
  expect(view.get('iframe').attributes('src')).toContain('runFilter=%5Ev4')
  view.unmount()
})
