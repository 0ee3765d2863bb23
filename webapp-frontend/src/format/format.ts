/** The one place that decides how numbers read; English everywhere, whatever the browser's locale. */
const whole = new Intl.NumberFormat('en')

export const count = (value: number) => whole.format(value)

/** 0.934 → "93.4 %"; never rounded up to a certainty that was not measured. */
export function percent(share: number, digits = 1): string {
  const value = share * 100
  const smallest = 10 ** -digits
  if (value > 0 && value < smallest) return `< ${smallest} %`
  if (value < 100 && value > 100 - smallest) return `> ${(100 - smallest).toFixed(digits)} %`
  return `${value.toFixed(digits)} %`
}

export const figure = (value: number | null | undefined) =>
  value === null || value === undefined ? '–' : value.toFixed(3)

export function bytes(size: number): string {
  if (size < 1000) return `${size} bytes`
  if (size < 1e6) return `${Math.round(size / 1000)} kB`
  return `${(size / 1e6).toFixed(size < 1e7 ? 1 : 0)} MB`
}

export function milliseconds(value: number): string {
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`
}

export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  return `${(seconds / 3600).toFixed(1)} h`
}

// without a time it is UTC's: the same day everywhere
const dateOnly = /^\d{4}-\d\d-\d\d$/

/** An ISO date or time as "23 November 2026"; anything else as it stands. */
export function day(date: string): string {
  const time = new Date(date)
  if (Number.isNaN(time.getTime())) return date
  return time.toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    timeZone: dateOnly.test(date) ? 'UTC' : undefined,
  })
}

/** A time as "24 November 2026 at 00:49". */
export function moment(time: number): string {
  const clock = new Date(time).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
  return `${day(new Date(time).toISOString())} at ${clock}`
}

/** What a stranger wrote for a time: an ISO date or time in words, anything else as it stands. */
export function instant(text: string): string {
  if (dateOnly.test(text)) return day(text)
  const time = Date.parse(text)
  return /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(time) ? moment(time) : text
}
