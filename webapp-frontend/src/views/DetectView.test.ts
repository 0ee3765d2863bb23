import { flushPromises, mount } from '@vue/test-utils'
import { beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import type { Prediction } from '@/api/client'
import { answerFetch, FakeRequest, fakeUploads } from '@/testing/fakes'
import { card, detail, limits, model, photo, prediction } from '@/testing/samples'
import ModelSelect from '@/components/ModelSelect.vue'
import DetectView from './DetectView.vue'

beforeEach(() => {
  fakeUploads()
  URL.createObjectURL = vi.fn(() => 'blob:portrait')
  URL.revokeObjectURL = vi.fn()
  Element.prototype.scrollIntoView = vi.fn()
})

async function open(models = [model()]) {
  answerFetch({
    '/api/v1/models': { models },
    '/api/v1/models/v3': detail({ card: card({ inconclusive: { low: 0.4, high: 0.6 } }) }),
    '/api/v1/models/v1': detail({ name: 'v1', card: card({ name: 'v1' }) }),
    '/api/v1/models/v0': detail({ name: 'v0', version: null, card: null }),
    '/api/v1/limits': limits,
  })
  const history = createMemoryHistory()
  const routes = [{ path: '/:path(.*)*', component: DetectView }]
  const router = createRouter({ history, routes })
  const view = mount(DetectView, { global: { plugins: [router] } })
  await flushPromises()
  return view
}

async function pick(view: Awaited<ReturnType<typeof open>>, file: File) {
  const input = view.get('input[type=file]')
  Object.defineProperty(input.element, 'files', { value: [file], configurable: true })
  await input.trigger('change')
}

const button = (view: Awaited<ReturnType<typeof open>>) =>
  view.get<HTMLButtonElement>('button.primary')
const answer = (changes: Partial<Prediction> = {}) => ({
  model: { name: 'v3', version: '1.0' },
  results: [prediction(changes)],
})
const spoken = (view: Awaited<ReturnType<typeof open>>) =>
  view.get('[role=status][aria-live=polite]').text()

it('speaks the verdict and shows it in words', async () => {
  const view = await open()
  expect(button(view).attributes('aria-disabled')).toBe('true')
  await pick(view, photo())
  await button(view).trigger('click')
  expect(spoken(view)).toBe('Checking portrait.jpg.')
  FakeRequest.last.answer(200, answer({ verdict: 'real', fake_probability: 0.12 }))
  await flushPromises()
  expect(view.get('h2').text()).toBe('Likely real')
  expect(spoken(view)).toContain('Verdict for portrait.jpg: Likely real.')
  expect(spoken(view)).toContain('12.0 %')
  expect(view.text()).toContain('Faces in the wild')
})

async function judgedView(
  view: Awaited<ReturnType<typeof open>>,
  changes: Partial<Prediction> = {},
) {
  await pick(view, photo())
  await button(view).trigger('click')
  FakeRequest.last.answer(200, answer(changes))
  await flushPromises()
}

it('tells what kept a second check away above the verdict that stands', async () => {
  const view = await open()
  await judgedView(view)
  await button(view).trigger('click')
  expect(view.find('#verdict').exists()).toBe(false)
  FakeRequest.last.onerror?.()
  await flushPromises()
  expect(view.get('.result [role=alert]').text()).toContain('cannot be reached')
  expect(view.get('#verdict').text()).toBe('Likely fake')
  await view.get('.result [role=alert] button').trigger('click')
  FakeRequest.last.answer(200, answer({ verdict: 'real' }))
  await flushPromises()
  expect(view.find('.result [role=alert]').exists()).toBe(false)
  expect(view.get('#verdict').text()).toBe('Likely real')
})

it('lets a slow closer look be cancelled', async () => {
  const view = await open()
  await judgedView(view)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  await view.get('.closer button').trigger('click')
  await vi.advanceTimersByTimeAsync(9000)
  vi.useRealTimers()
  const cancel = view.findAll('.closer button').find((found) => found.text() === 'Cancel')
  await cancel?.trigger('click')
  await flushPromises()
  expect(view.get('.closer').text()).toContain('Show a heat map')
  expect(view.get('.closer').text()).not.toContain('longer than usual')
})

it('closes the notice of a refused file and keeps the verdict', async () => {
  const view = await open()
  await judgedView(view)
  await pick(view, photo('letter.pdf', 'application/pdf'))
  expect(view.get('#verdict').text()).toBe('Likely fake')
  // nor is it replaced by a picture of the page that was dragged by accident
  expect(view.get('.stage img').attributes('draggable')).toBe('false')
  await view.get('[role=alert] [aria-label=Close]').trigger('click')
  expect(view.find('[role=alert]').exists()).toBe(false)
})

it('names a file that is too big without sending it', async () => {
  const view = await open()
  await pick(view, photo('huge.jpg', 'image/jpeg', 'x'.repeat(101)))
  expect(view.get('[role=alert]').text()).toContain('huge.jpg is too big')
  expect(button(view).attributes('aria-disabled')).toBe('true')
})

it('offers no check while no network is ready', async () => {
  const view = await open([model({ state: 'unusable', reason: 'It is cut off.', default: false })])
  await pick(view, photo())
  expect(button(view).attributes('aria-disabled')).toBe('true')
  expect(view.text()).toContain('No network is ready')
})

it('promises what it keeps', async () => {
  const text = (await open()).text()
  expect(text).toContain('Not proof.')
  expect(text).toContain('not stored')
})

it('names the band of the chosen network before there is a verdict', async () => {
  const text = (await open()).get('.result').text()
  expect(text).toContain('Above 60.0 % probability of a fake v3 takes')
  expect(text).not.toContain('50 % probability')
})

it('keeps what is known of the network that judged when another is chosen', async () => {
  const view = await open([model(), model({ name: 'v1', default: false })])
  await judgedView(view)
  const before = view.get('.result').text()
  expect(before).toContain('40.0 % to 60.0 %')
  expect(before).toContain('v3 was right on')
  view.getComponent(ModelSelect).vm.$emit('update:modelValue', 'v1')
  await flushPromises()
  expect(view.get('#model').text()).toBe('v1')
  expect(view.get('.result').text()).toBe(before)
})

it('says of a verdict by a network without a card that it is unproven', async () => {
  const view = await open([model({ name: 'v0', version: null })])
  await pick(view, photo())
  await button(view).trigger('click')
  FakeRequest.last.answer(200, {
    model: { name: 'v0', version: 'unknown' },
    results: [prediction()],
  })
  await flushPromises()
  expect(view.get('.result').text()).toContain('Unproven: v0 has no card')
})

it('keeps the focus on the button that was pressed, and checks nothing twice', async () => {
  const view = await open()
  document.body.append(view.element as Element)
  await pick(view, photo())
  button(view).element.focus()
  await button(view).trigger('click')
  await button(view).trigger('click')
  expect(FakeRequest.all).toHaveLength(1)
  expect(button(view).attributes('disabled')).toBeUndefined()
  expect(document.activeElement).toBe(button(view).element)
  view.unmount()
})

it('hands the focus from what goes to the heading of what comes', async () => {
  const view = await open()
  document.body.append(view.element as Element)
  const press = async (selector: string) => {
    const found = view.get<HTMLButtonElement>(selector)
    found.element.focus()
    await found.trigger('click')
    await flushPromises()
  }
  await pick(view, photo())
  await button(view).trigger('click')
  await press('.result button')
  expect(document.activeElement?.textContent).toBe('Ready to check')
  await button(view).trigger('click')
  FakeRequest.last.onerror?.()
  await flushPromises()
  await press('.result [role=alert] button')
  expect(document.activeElement?.textContent).toBe('Sending the picture')
  FakeRequest.last.answer(200, answer())
  await flushPromises()
  expect(document.activeElement).toBe(view.get('#verdict').element)
  view.unmount()
})
