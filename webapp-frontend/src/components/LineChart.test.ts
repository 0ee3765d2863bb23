import { mount } from '@vue/test-utils'
import { nextTick } from 'vue'
import { beforeEach, expect, it, vi } from 'vitest'
import { useTheme } from '@/composables/useTheme'
import LineChart from './LineChart.vue'

interface Drawn {
  options: { locale: string }
  scheme: string
}
const drawn = vi.hoisted(() => [] as Drawn[])
vi.mock('chart.js', async (original) => ({
  ...(await original<object>()),
  Chart: class {
    static register() {}
    constructor({ style }: HTMLElement, { options }: Drawn) {
      drawn.push({ options, scheme: style.colorScheme })
    }
    destroy() {}
  },
}))

beforeEach(() => void (drawn.length = 0))

const open = () =>
  mount(LineChart, { props: { title: 'Loss', xLabel: 'Epoch', yLabel: 'Loss', series: [] } })

it('writes numbers in English in every browser', () => {
  const chart = open()
  expect(drawn[0]?.options.locale).toBe('en')
  chart.unmount()
})

it('is drawn for paper before it is printed, and for the screen again after', async () => {
  useTheme().value = 'dark'
  open()
  window.dispatchEvent(new Event('beforeprint'))
  await nextTick()
  window.dispatchEvent(new Event('afterprint'))
  await nextTick()
  expect(drawn.map(({ scheme }) => scheme)).toEqual(['dark', 'light', 'dark'])
})
