import { flushPromises, mount } from '@vue/test-utils'
import { expect, it } from 'vitest'
import { answerFetch } from '@/testing/fakes'
import { card, detail, entry, judgement } from '@/testing/samples'
import QueueReport from './QueueReport.vue'

async function printed() {
  const entries = [entry({ state: { step: 'judged', judgement: judgement() } })]
  const report = mount(QueueReport, { props: { entries, models: [] } })
  await flushPromises()
  return report.text()
}

it('names the band in which the network cannot tell', async () => {
  answerFetch({
    '/api/v1/models/v3': detail({ card: card({ inconclusive: { low: 0.4, high: 0.6 } }) }),
  })
  expect(await printed()).toContain('Above 60.0 % probability of a fake v3 takes')
})

it.each([
  ['cannot be read', {}],
  ['is of another version', { '/api/v1/models/v3': detail({ version: '2.0' }) }],
])('hides no band where the card %s', async (_, answers) => {
  answerFetch(answers)
  expect(await printed()).toContain('how close to that it cannot tell is on its card')
})
