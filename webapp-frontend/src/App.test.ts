import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import App from '@/App.vue'
import { photosToCheck } from '@/composables/handOver'
import { answerFetch, FakeRequest, fakeUploads } from '@/testing/fakes'
import { detail, limits, model, photo, prediction } from '@/testing/samples'
import CompareView from '@/views/CompareView.vue'
import DetectView from '@/views/DetectView.vue'

beforeEach(() => {
  fakeUploads()
  URL.createObjectURL = vi.fn(() => 'blob:portrait')
  URL.revokeObjectURL = vi.fn()
  Element.prototype.scrollIntoView = vi.fn()
  vi.stubGlobal('matchMedia', () => new EventTarget())
})

const many = {
  setup: () => ({ given: photosToCheck.take() }),
  template: '{{ given?.files.length }}',
}

async function open() {
  answerFetch({
    '/api/v1/models': { models: [model(), model({ name: 'v1', default: false })] },
    '/api/v1/models/v1': detail({ name: 'v1' }),
    '/api/v1/models/v3': detail(),
    '/api/v1/limits': limits,
  })
  const routes = [
    { path: '/', component: DetectView },
    { path: '/compare', component: CompareView },
    { path: '/many', component: async () => many },
    { path: '/models/:name', component: { template: '<h1>Card</h1>' } },
    { path: '/:path(.*)*', component: () => Promise.reject(new TypeError('Failed to fetch')) },
  ]
  const router = createRouter({ history: createMemoryHistory(), routes })
  await router.push('/')
  const app = mount(App, { global: { plugins: [router] }, attachTo: document.body })
  await flushPromises()
  const go = async (to: string) => {
    await router.push(to).catch(() => {})
    await flushPromises()
  }
  return { app, go }
}

async function pick(app: VueWrapper, file = photo()) {
  const input = app.get('input[type=file]')
  Object.defineProperty(input.element, 'files', { value: [file], configurable: true })
  await input.trigger('change')
}

const answer = { model: { name: 'v3', version: '1.0' }, results: [prediction()] }

function drop(...files: File[]) {
  const items = files.map((file) => ({ kind: 'file', getAsFile: () => file }))
  window.dispatchEvent(Object.assign(new Event('drop'), { dataTransfer: { items } }))
}

it('has the verdict still when one comes back from a network’s card', async () => {
  const { app, go } = await open()
  await pick(app)
  await app.get('button.primary').trigger('click')
  await go('/models/v3')
  expect(app.get('h1').text()).toBe('Card')
  // what was under way goes on
  FakeRequest.last.answer(200, answer)
  drop(photo('elsewhere.jpg'))
  await go('/')
  expect(app.get('#verdict').text()).toBe('Likely fake')
  expect(app.get('.stage').text()).toContain('portrait.jpg')
  drop(photo('other.jpg'))
  await flushPromises()
  expect(app.get('.stage').text()).toContain('other.jpg')
  app.unmount()
})

it('has the comparison still when one comes back, and takes another photograph to it', async () => {
  const { app, go } = await open()
  await go('/compare')
  await pick(app)
  await app.get('button.primary').trigger('click')
  for (const request of FakeRequest.all) request.answer(200, answer)
  await flushPromises()
  const agreed = app.get('.summary h2').text()
  expect(agreed).toBe('The networks agree')
  await go('/')
  await go('/compare')
  expect(app.get('.summary h2').text()).toBe(agreed)

  await go('/')
  await pick(app, photo('other.jpg'))
  await app.get('button.primary').trigger('click')
  FakeRequest.last.answer(200, answer)
  await flushPromises()
  await app.get('.result a[href="/compare"]').trigger('click')
  await flushPromises()
  expect(app.get('.summary h2').text()).toBe('Asking 2 networks')
  expect(app.get('.stage').text()).toContain('other.jpg')
  app.unmount()
})

it('carries a photograph to a comparison that was not open before', async () => {
  const { app } = await open()
  await pick(app)
  await app.get('button.primary').trigger('click')
  FakeRequest.last.answer(200, answer)
  await flushPromises()
  await app.get('.result a[href="/compare"]').trigger('click')
  await flushPromises()
  expect(app.get('.summary h2').text()).toBe('Asking 2 networks')
  app.unmount()
})

it('carries several photographs to the page for many', async () => {
  const { app } = await open()
  drop(photo(), photo('other.jpg'))
  await flushPromises()
  expect(app.get('main').text()).toBe('2')
  expect(photosToCheck.take()).toBeNull()
  app.unmount()
})

it('compares nothing here when the comparison is opened in another tab', async () => {
  const { app, go } = await open()
  await pick(app)
  await app.get('button.primary').trigger('click')
  FakeRequest.last.answer(200, answer)
  await flushPromises()
  await app.get('.result a[href="/compare"]').trigger('click', { ctrlKey: true })
  await go('/compare')
  expect(app.get('.summary h2').text()).toBe('Whether they agree appears here')
  expect(FakeRequest.all).toHaveLength(1)
  app.unmount()
})

it('keeps the view when another cannot be loaded, and loads that one anew', async () => {
  const { app, go } = await open()
  await pick(app)
  await app.get('button.primary').trigger('click')
  FakeRequest.last.answer(200, answer)
  await go('/logs')
  expect(app.get('[role=alert]').text()).toContain('The page could not be loaded')
  expect(app.get('#verdict').text()).toBe('Likely fake')
  const assign = vi.spyOn(window.location, 'assign').mockReturnValue()
  await app.get('[role=alert] button').trigger('click')
  expect(assign).toHaveBeenCalledWith('/logs')
  await app.get('[role=alert] [aria-label=Close]').trigger('click')
  expect(app.find('[role=alert]').exists()).toBe(false)
  expect(app.find('#verdict').exists()).toBe(true)
  app.unmount()
})
