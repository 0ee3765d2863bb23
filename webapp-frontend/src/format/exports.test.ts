import { parse } from 'papaparse'
import { expect, it } from 'vitest'
import { garbled } from '@/api/failure'
import { entry, judgement } from '@/testing/samples'
import { asCsv, asJson } from './exports'

const judged = (name = 'portrait.jpg') =>
  entry({ name, finished: 2000, state: { step: 'judged', judgement: judgement() } })
const failed = () => entry({ name: 'b.jpg', state: { step: 'failed', failure: garbled(502) } })

function rows(csv: string) {
  return parse<Record<string, string>>(csv.replace('\uFEFF', '').trimEnd(), { header: true }).data
}

it('writes a row for each photograph, judged or not', () => {
  expect(rows(asCsv([judged(), failed(), entry({})]))).toMatchObject([
    {
      file: 'portrait.jpg',
      bytes: '1000',
      verdict: 'fake',
      fake_probability: '0.934',
      network: 'v3',
      finished_at: '1970-01-01T00:00:02.000Z',
    },
    { state: 'failed', fake_probability: '', failure: expect.stringContaining('502') },
    { state: 'not_checked', verdict: '' },
  ])
})

it.each(['=cmd|calc', '+1', '-1', '@sum', '\t=1', '=1\n2', '＝1'])(
  'lets no spreadsheet take the name %j for a formula',
  (name) => expect(rows(asCsv([judged(name)]))[0]?.file).toBe(`'${name}`),
)

it.each(['a, b.jpg', 'the "best".jpg', 'two\nlines.jpg'])('quotes %j', (name) =>
  expect(rows(asCsv([judged(name)]))[0]?.file).toBe(name),
)

it('gives in JSON what the server answered and what the browser knows', () => {
  const document = JSON.parse(asJson([judged(), failed()], 3000))
  expect(document).toMatchObject({
    exported_at: '1970-01-01T00:00:03.000Z',
    threshold: 0.5,
    results: [
      {
        file: 'portrait.jpg',
        bytes: 1000,
        added_at: '1970-01-01T00:00:01.000Z',
        state: 'judged',
        answer: { model: judgement().model, result: judgement().prediction },
        failure: null,
      },
      { state: 'failed', answer: null, failure: { title: expect.any(String) } },
    ],
  })
  expect(document.note).toContain('not proof')
})
