import { flushPromises, mount } from '@vue/test-utils'
import { beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { photoToCompare } from '@/composables/handOver'
import { answerFetch, FakeRequest, fakeUploads } from '@/testing/fakes'
import { card, detail, model, photo, prediction } from '@/testing/samples'
import CompareView from './CompareView.vue'

beforeEach(() => {
  fakeUploads()
  URL.createObjectURL = vi.fn(() => 'blob:portrait')
  URL.revokeObjectURL = vi.fn()
  Element.prototype.scrollIntoView = vi.fn()
})

async function open(models = [model({ name: 'v1', default: false }), model()]) {
  answerFetch({
    '/api/v1/models': { models },
    '/api/v1/models/v1': detail({ name: 'v1', card: card({ name: 'v1' }) }),
    '/api/v1/models/v3': detail(),
  })
  const routes = [{ path: '/:path(.*)*', component: CompareView }]
  const router = createRouter({ history: createMemoryHistory(), routes })
  const view = mount(CompareView, { global: { plugins: [router] } })
  await flushPromises()
  return view
}

const spoken = (view: Awaited<ReturnType<typeof open>>) =>
  view.get('[role=status][aria-live=polite]').text()

it('lists the default network first, each with what was measured', async () => {
  const view = await open()
  const cards = view.findAll('.cards > li')
  expect(cards.map((found) => found.get('h2 a').text())).toEqual(['v3', 'v1'])
  expect(cards[0]?.text()).toContain('70.0 %')
  expect(cards[0]?.text()).toContain('0.774')
  expect(view.get('button.primary').attributes('aria-disabled')).toBe('true')
})

it('names those that are not asked, with the reason', async () => {
  const view = await open([
    model(),
    model({ name: 'v0', state: 'unusable', reason: 'It is cut off.', default: false }),
  ])
  expect(view.findAll('.cards > li')).toHaveLength(1)
  expect(view.get('.summary').text()).toContain('v0 cannot be used: It is cut off.')
})

it('asks at once about a photograph that was carried here, and says whether they agree', async () => {
  void photoToCompare.give(photo(), new Promise(() => {}))
  const asked: FakeRequest[] = []
  vi.stubGlobal(
    'XMLHttpRequest',
    class extends FakeRequest {
      constructor() {
        super()
        asked.push(this)
      }
    },
  )
  const view = await open()
  expect(spoken(view)).toBe('Asking about portrait.jpg.')
  asked[0]?.answer(200, { model: { name: 'v3' }, results: [prediction()] })
  await flushPromises()
  expect(spoken(view)).toBe('v3: Likely fake, 93.4 % probability of a fake.')
  const results = [prediction({ verdict: 'real', fake_probability: 0.2 })]
  asked[1]?.answer(200, { model: { name: 'v1' }, results })
  await flushPromises()
  expect(view.get('.summary h2').text()).toBe('The networks disagree')
  expect(view.get('.summary').text()).toContain('v3 says likely fake; v1 says likely real.')
  expect(spoken(view)).toContain('2 of 2 networks answered. The networks disagree.')
})

async function choose(view: Awaited<ReturnType<typeof open>>) {
  const input = view.get('input[type=file]')
  Object.defineProperty(input.element, 'files', { value: [photo()], configurable: true })
  await input.trigger('change')
}

it('says who gave no answer, and counts it as done', async () => {
  const view = await open()
  await choose(view)
  await view.get('button.primary').trigger('click')
  expect(view.get('progress').attributes('value')).toBe('0')
  FakeRequest.all[0]?.answer(422, { title: 'Damaged image', detail: 'It is cut off.' })
  await flushPromises()
  expect(spoken(view)).toBe('v3 gave no answer: Damaged image.')
  expect(view.get('progress').attributes('value')).toBe('1')
  FakeRequest.all[1]?.answer(200, { model: { name: 'v1' }, results: [prediction()] })
  await flushPromises()
  expect(spoken(view)).toContain('1 of 2 networks answered. Nothing to compare.')
})

it('says that it was cancelled', async () => {
  const view = await open()
  await choose(view)
  await view.get('button.primary').trigger('click')
  await view.get('button:not(.primary)[aria-disabled=false]').trigger('click')
  expect(spoken(view)).toBe('Cancelled. 0 of 2 networks answered. Nothing to compare.')
})

it('asks nobody by itself about a photograph that is chosen while the list is slow', async () => {
  const answers: (() => void)[] = []
  vi.stubGlobal('fetch', async (request: Request) => {
    await new Promise<void>((resolve) => answers.push(resolve))
    return Response.json(request.url.endsWith('/models') ? { models: [model()] } : detail())
  })
  const routes = [{ path: '/:path(.*)*', component: CompareView }]
  const router = createRouter({ history: createMemoryHistory(), routes })
  const view = mount(CompareView, { global: { plugins: [router] } })
  await choose(view)
  answers.forEach((answer) => answer())
  await flushPromises()
  expect(view.get('button.primary').attributes('aria-disabled')).toBe('false')
  expect(FakeRequest.all).toHaveLength(0)
})

it('hands the focus of a button that goes to the network’s name', async () => {
  const view = await open([model()])
  document.body.append(view.element as Element)
  await choose(view)
  await view.get('button.primary').trigger('click')
  FakeRequest.last.onerror?.()
  await flushPromises()
  const again = view.get<HTMLButtonElement>('.cards button')
  again.element.focus()
  await again.trigger('click')
  await flushPromises()
  expect(document.activeElement).toBe(view.get('.cards h2').element)
  view.unmount()
})
