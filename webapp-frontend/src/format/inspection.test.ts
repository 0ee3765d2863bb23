import { expect, it } from 'vitest'
import {
  actionText,
  compressionFacts,
  hintText,
  positionText,
  provenanceFacts,
  provenanceWords,
} from './inspection'
import { inspection } from '@/testing/samples'
import { instant } from './format'

const { provenance } = inspection()

it('never takes a name for a proof', () => {
  const words = provenanceWords({ ...provenance, state: 'unknown_signer', signer: 'Reuters' })
  expect(words.meaning).toContain('proves nothing')
  expect(words.headline).not.toContain('Reuters')
  expect(provenanceWords({ ...provenance, state: 'trusted', signer: 'Reuters' }).meaning).toContain(
    'when Reuters signed it',
  )
})

it('says of a manifest elsewhere that nobody asks there', () => {
  const words = provenanceWords({ ...provenance, elsewhere: 'http://a.example/m' })
  expect(words.meaning).toContain('http://a.example/m')
  expect(words.meaning).toContain('never asks')
})

it('puts claims into words and leaves unknown ones as they stand', () => {
  const action = {
    action: 'c2pa.created',
    agent: 'Imaginator 2',
    source_type: 'trainedAlgorithmicMedia',
    when: null,
  }
  expect(actionText(action)).toBe('Created with Imaginator 2, made by a generative AI')
  const unknown = { action: 'org.x', agent: null, source_type: 'new', when: '2026' }
  expect(actionText(unknown)).toBe('org.x, new (2026)')
  expect(hintText({ kind: 'source_type', where: 'XMP', value: 'digitalCapture' })).toContain(
    'taken with a camera',
  )
})

it('writes the times of a manifest as people do', () => {
  const signed_at = '2026-11-23T12:00:00+00:00'
  const [signed] = provenanceFacts({ ...provenance, signed_at })
  expect(signed).toEqual({ term: 'Signed on', text: instant(signed_at) })
  expect(signed?.text).toMatch(/^2[34] November 2026 at /)
  const edited = { action: 'c2pa.edited', agent: null, source_type: null, when: '2026-11-23' }
  expect(actionText(edited)).toBe('Edited (23 November 2026)')
})

it('tells three answers about an earlier compression apart', () => {
  const texts = [true, false, null].map((compressed_twice) => {
    const compression = { quality: 90, standard_tables: true, progressive: false, compressed_twice }
    return compressionFacts(compression).at(-1)?.text.split(/[:.]/)[0]
  })
  expect(texts).toEqual(['Probably', 'No sign of it', 'Cannot be told'])
})

it('writes a position with its directions', () => {
  expect(positionText({ latitude: -33.86, longitude: 151.21 })).toBe('33.86000° S, 151.21000° E')
})
