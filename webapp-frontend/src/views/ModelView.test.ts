import { flushPromises, mount } from '@vue/test-utils'
import { expect, it } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { answerFetch } from '@/testing/fakes'
import { detail } from '@/testing/samples'
import ModelView from './ModelView.vue'

it('leads to the training curves of its network', async () => {
  answerFetch({ '/api/v1/models/v3': detail() })
  const routes = [{ path: '/:path(.*)*', component: ModelView }]
  const router = createRouter({ history: createMemoryHistory(), routes })
  const view = mount(ModelView, {
    props: { name: 'v3' },
    global: { plugins: [router], stubs: { EvaluationSection: true } },
  })
  await flushPromises()
  const links = view.findAll('a').map((link) => [link.text(), link.attributes('href')])
  expect(links).toContainEqual(['Training curves', '/logs?model=v3'])
})
