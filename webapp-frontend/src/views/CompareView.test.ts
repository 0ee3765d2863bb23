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
  expect(spoken(view)).toContain('The networks disagree')
})
