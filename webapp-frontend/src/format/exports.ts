import { unparse } from 'papaparse'
import { scoreOf, type Entry } from './queue'
import { notProof, threshold } from './verdict'

// a spreadsheet would take such a name for a formula
const formula = /^[=+\-@\t\r＝＋－＠]/

/** A table for spreadsheets; the mark at its start tells them that it is UTF-8. */
export function asCsv(entries: Entry[]): string {
  return `\uFEFF${unparse(entries.map(row), { escapeFormulae: formula })}\r\n`
}

function row(entry: Entry) {
  const { state } = entry
  const judgement = state.step === 'judged' ? state.judgement : null
  return {
    file: entry.name,
    bytes: entry.size,
    state: stateOf(entry),
    verdict: judgement?.prediction.verdict,
    reason: judgement?.prediction.reason,
    fake_probability: scoreOf(entry),
    network: judgement?.model.name,
    network_version: judgement?.model.version,
    width: judgement?.prediction.width,
    height: judgement?.prediction.height,
    faces: judgement?.prediction.faces.length,
    failure: state.step === 'failed' ? state.failure.message : null,
    added_at: isoTime(entry.added),
    finished_at: isoTime(entry.finished),
  }
}

/** Everything that is known: what the server answered beside what the browser knows of the file. */
export function asJson(entries: Entry[], now: number): string {
  const document = {
    exported_at: isoTime(now),
    note: notProof,
    threshold,
    results: entries.map((entry) => ({
      file: entry.name,
      bytes: entry.size,
      added_at: isoTime(entry.added),
      finished_at: isoTime(entry.finished),
      state: stateOf(entry),
      answer:
        entry.state.step === 'judged'
          ? { model: entry.state.judgement.model, result: entry.state.judgement.prediction }
          : null,
      failure:
        entry.state.step === 'failed'
          ? { title: entry.state.failure.title, detail: entry.state.failure.detail }
          : null,
    })),
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

function stateOf({ state: { step } }: Entry): 'judged' | 'failed' | 'not_checked' {
  return step === 'judged' || step === 'failed' ? step : 'not_checked'
}

const isoTime = (time: number | null) => (time === null ? null : new Date(time).toISOString())
