import type {
  Card,
  Face,
  HeatMap,
  Inspection,
  Limits,
  ModelDetail,
  ModelSummary,
  Prediction,
  Scores,
  SecondLook,
} from '@/api/client'
import type { Judgement } from '@/api/upload'
import type { Entry } from '@/format/queue'

/** Objects of the wire format, for tests to vary. */
export const scores = (changes: Partial<Scores> = {}): Scores => ({
  real: 400,
  fake: 600,
  accuracy: 0.7,
  precision: 0.72,
  recall: 0.75,
  auc: 0.774,
  equal_error_rate: 0.3,
  calibration_error: 0.02,
  confusion: { true_positive: 450, false_positive: 150, true_negative: 250, false_negative: 150 },
  intervals: {},
  ...changes,
})

export const card = (changes: Partial<Card> = {}): Card => ({
  name: 'v3',
  version: '1.0',
  summary: 'The third network.',
  sha256: 'a'.repeat(64),
  input: { height: 256, width: 256, channels: 3, value_range: [0, 1], resize_filter: 'bilinear' },
  crop: 'whole',
  margin: 1.3,
  class_order: ['real', 'fake'],
  calibration: { temperature: 1, bias: 0 },
  inconclusive: { low: 0.5, high: 0.5 },
  parameters: 3_946_481,
  optimizer_variables: 7_892_964,
  training: null,
  evaluations: [
    {
      data: 'Faces in the wild',
      split: 'Test',
      command: 'deepfake evaluate v3',
      date: '2026-11-23',
      sources: { all: scores() },
      decided: null,
      roc: [],
      reliability: [],
      robustness: {},
    },
  ],
  data_licence: 'unknown',
  known_limits: [],
  ...changes,
})

export const model = (changes: Partial<ModelSummary> = {}): ModelSummary => ({
  name: 'v3',
  state: 'ready',
  reason: null,
  default: true,
  version: '1.0',
  summary: 'The third network.',
  parameters: 3_946_481,
  reading: { output: 'sigmoid', class_order: ['real', 'fake'], proven: true },
  test_accuracy: 0.7,
  test_auc: 0.774,
  ...changes,
})

export const detail = (changes: Partial<ModelDetail> = {}): ModelDetail => ({
  ...model(),
  card: card(),
  ...changes,
})

export const face = (changes: Partial<Face> = {}): Face => ({
  left: 100,
  top: 50,
  right: 300,
  bottom: 330,
  score: 0.9,
  fake_probability: 0.934,
  too_small: false,
  decided: false,
  heat_map: null,
  ...changes,
})

export const heatMap = (changes: Partial<HeatMap> = {}): HeatMap => ({
  left: 0,
  top: 0,
  right: 1200,
  bottom: 900,
  method: 'occlusion',
  values: [
    [0, 0.5],
    [1, 0],
  ],
  ...changes,
})

export const secondLook = (): SecondLook => ({
  lowest: 0.91,
  highest: 0.95,
  scores: [
    { alteration: 'jpeg_75', fake_probability: 0.91 },
    { alteration: 'resize_75', fake_probability: 0.95 },
    { alteration: 'mirror', fake_probability: 0.93 },
  ],
})

export const prediction = (changes: Partial<Prediction> = {}): Prediction => ({
  file: 'portrait.jpg',
  fake_probability: 0.934,
  verdict: 'fake',
  reason: null,
  width: 1200,
  height: 900,
  faces: [],
  heat_map: null,
  second_look: null,
  timings_ms: { decode: 5, faces: 5, network: 20, explain: 0, second_look: 0, total: 30 },
  ...changes,
})

export const judgement = (changes: Partial<Prediction> = {}): Judgement => ({
  model: { name: 'v3', version: '1.0' },
  prediction: prediction(changes),
})

export const photo = (name = 'portrait.jpg', type = 'image/jpeg', content = 'pixels') =>
  new File([content], name, { type })

export const limits: Limits = {
  max_file_bytes: 100,
  max_pixels: 1,
  max_files: 1,
  max_request_bytes: 100,
}

let entries = 0

export const entry = (changes: Partial<Entry> = {}): Entry => ({
  id: ++entries,
  name: 'portrait.jpg',
  size: 1000,
  added: 1000,
  finished: null,
  thumbnail: null,
  file: null,
  state: { step: 'waiting' },
  ...changes,
})

export const inspection = (changes: Partial<Inspection> = {}): Inspection => ({
  file: 'portrait.jpg',
  metadata: {
    entries: [{ name: 'Camera', value: 'Maker M1' }],
    position: null,
    damaged: false,
  },
  compression: { quality: 90, standard_tables: true, progressive: false, compressed_twice: false },
  error_levels: { picture: 'data:image/jpeg;base64,', amplification: 20, quality: 90 },
  generator: [],
  provenance: {
    state: 'none',
    signer: null,
    issuer: null,
    signed_at: null,
    claim_generator: null,
    actions: [],
    faults: [],
    elsewhere: null,
  },
  ...changes,
})
