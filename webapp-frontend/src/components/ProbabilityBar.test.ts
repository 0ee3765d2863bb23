import { mount } from '@vue/test-utils'
import { expect, it } from 'vitest'
import ProbabilityBar from './ProbabilityBar.vue'

it('says its value to a screen reader', () => {
  const meter = mount(ProbabilityBar, { props: { probability: 0.934 } }).get('[role=meter]')
  expect(meter.attributes()).toMatchObject({
    'aria-valuenow': '93',
    'aria-valuetext': '93.4 %',
    'aria-label': 'Probability of a fake',
  })
})

it('is no meter while there is nothing to show', () => {
  const bar = mount(ProbabilityBar, { props: { probability: null } })
  expect(bar.find('[role=meter]').exists()).toBe(false)
})

it('draws the inconclusive band only if the card has one', () => {
  const empty = { probability: 0.5, band: { low: 0.5, high: 0.5 } }
  expect(mount(ProbabilityBar, { props: empty }).text()).not.toContain('cannot tell')
  const band = { probability: 0.5, band: { low: 0.42, high: 0.58 } }
  expect(mount(ProbabilityBar, { props: band }).text()).toContain('42.0 % to 58.0 %')
})
