import { expect, it } from 'vitest'
import { face, prediction } from '@/testing/samples'
import { facesSentence, faceWords, scaleSentence, spokenVerdict, verdictWords } from './verdict'

it.each([
  ['no_face', 'No face was found'],
  ['faces_too_small', 'too small'],
  ['near_threshold', 'close to the middle'],
  ['unstable', 'Mild changes'],
] as const)('says why a verdict is left open: %s', (reason, words) => {
  const { headline, meaning } = verdictWords(prediction({ verdict: 'inconclusive', reason }))
  expect(headline).toBe('Inconclusive')
  expect(meaning).toContain(words)
})

it.each([
  ['none', [], ''],
  ['a single one', [face({ decided: true })], 'One face was found and judged.'],
  [
    'which of several decides',
    [face(), face({ decided: true })],
    '2 faces were found; the highest score, that of face 2, decides.',
  ],
  ['those of a network for whole pictures', [face({ fake_probability: null })], 'as a whole'],
  [
    'those that are too small',
    [face({ too_small: true, fake_probability: null })],
    'One face was found.',
  ],
])('counts the faces: %s', (_, faces, words) => expect(facesSentence(faces)).toContain(words))

it('says of each face its score or why it has none', () => {
  expect(faceWords(face({ fake_probability: 0.934 }))).toBe('93.4 %')
  expect(faceWords(face({ too_small: true, left: 5, right: 15, top: 0, bottom: 12 }))).toBe(
    'too small: 10 × 12 pixels',
  )
  expect(faceWords(face({ fake_probability: null }))).toBe('not judged by itself')
})

it('speaks the verdict with its score, its reason and the faces', () => {
  const spoken = spokenVerdict(
    prediction({
      verdict: 'inconclusive',
      reason: 'near_threshold',
      faces: [face({ decided: true })],
    }),
  )
  expect(spoken).toContain('Verdict for portrait.jpg: Inconclusive. Probability of a fake: 93.4 %.')
  expect(spoken).toContain('close to the middle')
  expect(spoken).toContain('One face was found')
})

it('names the band in which a network cannot tell, or the threshold where it has none', () => {
  expect(scaleSentence('v4', { low: 0.2251, high: 0.7749 })).toBe(
    'Above 77.5 % probability of a fake v4 takes a picture for a fake, below 22.5 % for a real photograph; in between it cannot tell.',
  )
  for (const band of [null, { low: 0.5, high: 0.5 }]) {
    expect(scaleSentence('v1', band)).toBe(
      'Above 50 % probability of a fake v1 takes a picture for a fake, below for a real photograph.',
    )
  }
})
