import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { bytes, day, duration, figure, instant, milliseconds, percent } from './format'

afterEach(() => void vi.unstubAllEnvs())

describe('percent', () => {
  it.each([
    [0.934, '93.4 %'],
    [0, '0.0 %'],
    [1, '100.0 %'],
  ])('writes %d as %s', (share, text) => expect(percent(share)).toBe(text))

  it('claims no certainty that rounding made', () => {
    expect(percent(0.99999)).toBe('> 99.9 %')
    expect(percent(0.00001)).toBe('< 0.1 %')
    expect(percent(0.999, 0)).toBe('> 99 %')
  })
})

it.each([
  [812, '812 bytes'],
  [20_000, '20 kB'],
  [1_500_000, '1.5 MB'],
  [20_000_000, '20 MB'],
])('writes %d bytes as %s', (size, text) => expect(bytes(size)).toBe(text))

it('shows a missing figure as a dash and not as zero', () => {
  expect(figure(null)).toBe('–')
  expect(figure(0)).toBe('0.000')
})

it('chooses units a person would', () => {
  expect(milliseconds(34.6)).toBe('35 ms')
  expect(milliseconds(2340)).toBe('2.3 s')
  expect(duration(61)).toBe('61 s')
  expect(duration(1200)).toBe('20 min')
  expect(duration(9000)).toBe('2.5 h')
})

it('reads a date and leaves what is none', () => {
  expect(day('2026-11-23')).toBe('23 November 2026')
  expect(day('some day')).toBe('some day')
})

describe.each(['America/New_York', 'UTC', 'Asia/Tokyo'])('in %s', (zone) => {
  beforeEach(() => void vi.stubEnv('TZ', zone))

  it('reads a date without a time as that day', () =>
    expect(day('2026-11-23')).toBe('23 November 2026'))

  it('reads a time in the reader’s own zone', () =>
    expect(instant('2026-11-23T12:00:00+00:00')).toBe(
      {
        'America/New_York': '23 November 2026 at 07:00',
        UTC: '23 November 2026 at 12:00',
        'Asia/Tokyo': '23 November 2026 at 21:00',
      }[zone],
    ))
})

it.each(['2026', 'yesterday', '2026-99-99', '2026-11-23Tea time'])('leaves %s', (text) =>
  expect(instant(text)).toBe(text),
)
