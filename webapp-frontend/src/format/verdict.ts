import type { Card, Face, Prediction, Reason, Verdict } from '@/api/client'
import { count, percent } from './format'

export interface VerdictWords {
  headline: string
  meaning: string
}

export const threshold = 0.5

export const notProof =
  'A score is a hint from a statistical model, not proof. Do not accuse or clear anybody because of it.'

export const headlines: Record<Verdict, string> = {
  fake: 'Likely fake',
  real: 'Likely real',
  inconclusive: 'Inconclusive',
}

const meanings: Record<'fake' | 'real', string> = {
  fake: 'The picture looks more like the generated or altered faces this network learned from than like its real photographs.',
  real: 'The picture looks more like the real photographs this network learned from than like its generated or altered faces.',
}

const reasons: Record<Reason, string> = {
  no_face:
    'No face was found, and the network knows nothing but faces: the score means little. A face smaller than about a twentieth of the picture can be missed; cut it out and try that.',
  faces_too_small:
    'Every face is too small to be judged: the score means little. Try a larger version of the photograph.',
  near_threshold:
    'The score is too close to the middle for this network to tell. Treat the picture as unchecked.',
  unstable:
    'Mild changes that leave the picture what it is turn the verdict round, so neither can be relied on. Treat the picture as unchecked.',
}

export const verdictWords = ({ verdict, reason }: Prediction): VerdictWords => ({
  headline: headlines[verdict],
  meaning: verdict === 'inconclusive' ? reasons[reason ?? 'near_threshold'] : meanings[verdict],
})

/** Which scores mean what, with the band in which a network cannot tell where it has one. */
export function scaleSentence(network: string, band: Card['inconclusive'] | null): string {
  const { low = threshold, high = threshold } = band ?? {}
  return low < high
    ? `Above ${percent(high)} probability of a fake ${network} takes a picture for a fake, below ${percent(low)} for a real photograph; in between it cannot tell.`
    : `Above ${percent(threshold, 0)} probability of a fake ${network} takes a picture for a fake, below for a real photograph.`
}

/** What a screen reader hears the moment a verdict is there. */
export function spokenVerdict(prediction: Prediction): string {
  const { headline, meaning } = verdictWords(prediction)
  const probability = `Probability of a fake: ${percent(prediction.fake_probability)}.`
  const faces = facesSentence(prediction.faces)
  return [`Verdict for ${prediction.file}: ${headline}.`, probability, meaning, faces]
    .filter(Boolean)
    .join(' ')
}

/** How many faces there are and which of them counted; nothing where there is none. */
export function facesSentence(faces: Face[]): string {
  if (faces.length === 0) return ''
  const found =
    faces.length === 1 ? 'One face was found' : `${count(faces.length)} faces were found`
  const deciding = faces.findIndex(({ decided }) => decided)
  if (deciding >= 0) {
    return faces.length === 1
      ? `${found} and judged.`
      : `${found}; the highest score, that of face ${deciding + 1}, decides.`
  }
  if (faces.every((face) => face.too_small)) return `${found}.`
  return `${found}; this network judges the picture as a whole.`
}

/** What is said of one face. */
export function faceWords(face: Face): string {
  if (face.too_small) {
    const { left, top, right, bottom } = face
    return `too small: ${right - left} × ${bottom - top} pixels`
  }
  if (face.fake_probability === null) return 'not judged by itself'
  return percent(face.fake_probability)
}
