import { expect, it } from 'vitest'
import { curvesAddress } from './curves'

function filterOf(network: string): RegExp {
  const { searchParams } = new URL(curvesAddress(network), 'http://localhost')
  return new RegExp(searchParams.get('runFilter') ?? '')
}

it('shows every run where no network is chosen', () =>
  expect(curvesAddress(null)).toBe('/tensorboard/'))

it.each(['v4/train', 'v4/validation', 'v4'])('keeps %s for v4', (run) =>
  expect(run).toMatch(filterOf('v4')),
)

it.each(['v40/train', 'old/v4/train'])('leaves out %s for v4', (run) =>
  expect(run).not.toMatch(filterOf('v4')),
)

it('takes signs in a name as they stand', () => {
  expect('net (1.5)+/train').toMatch(filterOf('net (1.5)+'))
  expect('net (105)+/train').not.toMatch(filterOf('net (1.5)+'))
})
