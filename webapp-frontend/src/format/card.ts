import type {
  Card,
  Evaluation,
  ModelDetail,
  Prediction,
  Scores,
  TrainingRecord,
} from '@/api/client'
import { count, percent } from './format'
import type { Series } from './series'

/** The measurement a headline may quote: the first one on a Test split that has both classes. */
export const testEvaluation = (card: Card): Evaluation | undefined =>
  card.evaluations?.find(
    ({ split, sources: { all } }) => split.toLowerCase() === 'test' && all?.real && all.fake,
  )

export const images = ({ real, fake }: Scores) => real + fake

/** How often the network was right, always with the data that was measured on. */
export function testClaim(card: Card): string | null {
  const evaluation = testEvaluation(card)
  const all = evaluation?.sources.all
  if (!evaluation || !all) return null
  return `${card.name} was right on ${percent(all.accuracy)} of ${count(images(all))} test images it had never seen (${evaluation.data}). Other pictures can be harder.`
}

// a bin with fewer images says little
const leastInBin = 20

/** What became of the test images that were scored like this one; null where that says nothing. */
export function likeThisClaim(card: Card, { fake_probability, faces, reason }: Prediction) {
  const evaluation = testEvaluation(card)
  const all = evaluation?.sources.all
  if (!all || reason === 'no_face' || reason === 'faces_too_small') return null
  const scored = faces.filter((face) => face.fake_probability !== null).length
  if (scored > 1) return manyFacesCaution(scored)
  const bin = evaluation.reliability?.find(
    ({ low, high }) => fake_probability >= low && (fake_probability < high || high === 1),
  )
  if (!bin || bin.fraction_fake === null || bin.count < leastInBin) return null
  const range = `${Math.round(bin.low * 100)}–${percent(bin.high, 0)}`
  const fake = Math.round(bin.fraction_fake * bin.count)
  return `Of the ${count(bin.count)} test images scored ${range}, ${count(fake)} were fake; of all ${count(images(all))} test images, ${count(all.fake)}.`
}

const manyFacesCaution = (scored: number) =>
  `The test measured one face per image. Here ${count(scored)} faces were scored and the highest score decides: the more faces, the likelier a high score comes about by chance.`

/** Sources in the order of the card, their sum last. */
export function sourceRows({ sources }: Evaluation): { name: string; scores: Scores }[] {
  const parts = Object.entries(sources).filter(([name]) => name !== 'all')
  const rows = parts.map(([name, scores]) => ({ name, scores }))
  // a single source is its own sum
  return sources.all && parts.length !== 1
    ? [...rows, { name: 'All together', scores: sources.all }]
    : rows
}

/** A training figure beside its validation twin, epoch by epoch. */
export function historySeries(
  history: NonNullable<TrainingRecord['history']>,
  figure: 'accuracy' | 'loss',
): Series[] {
  const points = (key: keyof (typeof history)[number]) =>
    history.map((epoch) => ({ x: epoch.epoch, y: epoch[key] }))
  return [
    { label: 'Training', points: points(figure), colour: '--muted', dashed: true },
    { label: 'Validation', points: points(`val_${figure}`), colour: '--accent' },
  ]
}

export function rocSeries(roc: NonNullable<Evaluation['roc']>): Series[] {
  const points = roc.map((point) => ({ x: point.false_positive_rate, y: point.true_positive_rate }))
  return [
    { label: 'This network', points, colour: '--accent' },
    { label: 'Guessing', points: diagonal, colour: '--muted', dashed: true },
  ]
}

/** Where the curve leaves the diagonal, a probability does not mean what it says. */
export function reliabilitySeries(bins: NonNullable<Evaluation['reliability']>): Series[] {
  const points = bins.flatMap(({ mean_probability: x, fraction_fake: y }) =>
    x === null || y === null ? [] : [{ x, y }],
  )
  return [
    { label: 'This network', points, colour: '--accent' },
    { label: 'Ideal', points: diagonal, colour: '--muted', dashed: true },
  ]
}

const diagonal = [
  { x: 0, y: 0 },
  { x: 1, y: 1 },
]

interface Fact {
  term: string
  text: string
  code?: boolean
}

/** Counts under `split/source/class`, added up: one line a split, its sources in brackets. */
export function imageFacts(counts: Record<string, number>): Fact[] {
  const splits = new Map<string, Map<string, number>>()
  for (const [key, number] of Object.entries(counts)) {
    const [split = key, source = ''] = key.split('/')
    const sources = splits.get(split) ?? new Map<string, number>()
    splits.set(split, sources.set(source, (sources.get(source) ?? 0) + number))
  }
  return [...splits].map(([split, sources]) => {
    const total = [...sources.values()].reduce((sum, number) => sum + number, 0)
    const parts = [...sources].map(([source, number]) => `${source} ${count(number)}`).join(', ')
    return {
      term: `Images, ${split}`,
      text: sources.size > 1 ? `${count(total)} (${parts})` : count(total),
    }
  })
}

/** What stands on a model's page beside its measurements. */
export function cardFacts({ card, parameters, reading, version }: ModelDetail): Fact[] {
  const facts: Fact[] = []
  if (version) facts.push({ term: 'Version', text: version })
  if (parameters !== null) facts.push({ term: 'Parameters', text: count(parameters) })
  if (card?.optimizer_variables) {
    facts.push({
      term: 'Adam’s variables',
      text: `${count(card.optimizer_variables)} while training`,
    })
  }
  if (reading) {
    const proof = reading.proven ? 'as its card says' : 'unproven, there is no card'
    const order = reading.class_order.join(', ')
    facts.push({ term: 'Output', text: `${reading.output}, read in the order ${order}; ${proof}` })
  }
  if (!card) return facts
  const { channels, height, resize_filter, value_range, width } = card.input
  const colours = channels === 1 ? 'grey' : 'RGB'
  const range = value_range?.join(' to ') ?? '0 to 1'
  const { temperature = 1, bias = 0 } = card.calibration ?? {}
  return [
    ...facts,
    { term: 'Takes', text: `${width} × ${height} ${colours} pixels, ${range}, ${resize_filter}` },
    { term: 'Calibration', text: `temperature ${temperature.toFixed(3)}, bias ${bias.toFixed(3)}` },
    { term: 'Cannot tell', text: bandText(card) },
    { term: 'Licence of the data', text: card.data_licence ?? 'unknown' },
    { term: 'SHA-256', text: card.sha256, code: true },
  ]
}

function bandText({ inconclusive: { low, high } }: Card): string {
  if (low >= high) return 'never: there is no inconclusive band'
  return `between ${percent(low)} and ${percent(high)}`
}
