import { mount } from '@vue/test-utils'
import { expect, it } from 'vitest'
import type { Evaluation } from '@/api/client'
import { scores } from '@/testing/samples'
import EvaluationSection from './EvaluationSection.vue'

const oneClass: Evaluation = {
  data: 'Photographs only',
  split: 'Test',
  command: 'deepfake evaluate v3',
  date: '2026-11-23',
  sources: {
    all: scores({ fake: 0, auc: null, equal_error_rate: null, precision: null, recall: null }),
  },
  decided: { share: 0, accuracy: null, reals_called_fake: null, fakes_called_real: null },
  roc: [],
  reliability: [{ low: 0, high: 0.1, count: 0, mean_probability: null, fraction_fake: null }],
  robustness: {},
}

it('shows what can be said of images of one class', () => {
  const section = mount(EvaluationSection, {
    props: { evaluation: oneClass },
    global: { stubs: { LineChart: true } },
  })
  expect(section.text()).toContain('70.0 %')
  expect(section.text()).toContain('–')
  expect(section.text()).toContain('not measured')
  expect(section.text()).not.toMatch(/NaN|null/)
  expect(section.find('line-chart-stub[title="ROC curve"]').exists()).toBe(false)
})
