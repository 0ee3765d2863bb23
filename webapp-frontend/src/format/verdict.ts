import type { Verdict } from '@/api/client'
import { percent } from './format'

export interface VerdictWords {
  headline: string
  meaning: string
}

export const threshold = 0.5

const words: Record<Verdict, VerdictWords> = {
  fake: {
    headline: 'Likely fake',
    meaning:
      'The picture looks more like the generated or altered faces this network learned from than like its real photographs.',
  },
  real: {
    headline: 'Likely real',
    meaning:
      'The picture looks more like the real photographs this network learned from than like its generated or altered faces.',
  },
  inconclusive: {
    headline: 'Inconclusive',
    meaning:
      'The score is too close to the middle for this network to tell. Treat the picture as unchecked.',
  },
}

export const verdictWords = (verdict: Verdict) => words[verdict]

/** What a screen reader hears the moment a verdict is there. */
export function spokenVerdict(file: string, verdict: Verdict, probability: number): string {
  const { headline, meaning } = words[verdict]
  return `Verdict for ${file}: ${headline}. Probability of a fake: ${percent(probability)}. ${meaning}`
}
