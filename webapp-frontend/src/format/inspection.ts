import type { Inspection } from '@/api/client'
import type { IconName } from '@/components/AppIcon.vue'
import type { Fact } from './fact'
import { instant } from './format'

type Provenance = Inspection['provenance']
type Compression = NonNullable<Inspection['compression']>
type Action = Provenance['actions'][number]

interface Words {
  icon: IconName
  headline: string
  meaning: string
}

/** What the state of a C2PA manifest means to somebody who never heard of it. */
export function provenanceWords({ state, signer, elsewhere }: Provenance): Words {
  const name = signer ?? 'an unnamed signer'
  switch (state) {
    case 'trusted':
      return {
        icon: 'lock',
        headline: 'Signed and unchanged, by a known signer',
        meaning: `The file is as it was when ${name} signed it, and this server trusts that signer. Whether the signer told the truth is another question.`,
      }
    case 'unknown_signer':
      return {
        icon: 'inconclusive',
        headline: 'Signed and unchanged, but by whom?',
        meaning:
          'The file is as it was when it was signed, but this server does not know the signer. Anybody can make such a signature under any name, so the name alone proves nothing.',
      }
    case 'invalid':
      return {
        icon: 'alert',
        headline: 'The signature does not fit the file',
        meaning:
          'The file, or what was signed with it, was changed afterwards or is damaged. That can be a forgery; plain editing or converting does it, too.',
      }
    case 'none':
      return elsewhere
        ? {
            icon: 'inconclusive',
            headline: 'No credentials in the file itself',
            meaning: `It names a place on the internet instead: ${elsewhere}. The server never asks there.`,
          }
        : {
            icon: 'inconclusive',
            headline: 'No content credentials',
            meaning:
              'Some cameras and image generators sign their pictures. This file has no such signature. Most have none, so that says nothing.',
          }
  }
}

/** Who signed, when and with what; only what the manifest has. */
export function provenanceFacts(provenance: Provenance): Fact[] {
  return present([
    ['Name of the signer', provenance.signer],
    ['Organisation', provenance.issuer],
    ['Signed on', provenance.signed_at && instant(provenance.signed_at)],
    ['Signed with', provenance.claim_generator],
    ['What was wrong', provenance.faults.join('; ') || null],
  ])
}

const actions: Record<string, string> = {
  'c2pa.created': 'Created',
  'c2pa.opened': 'Opened',
  'c2pa.placed': 'Another picture placed in it',
  'c2pa.edited': 'Edited',
  'c2pa.color_adjustments': 'Colours changed',
  'c2pa.cropped': 'Cropped',
  'c2pa.resized': 'Resized',
  'c2pa.filtered': 'Filtered',
  'c2pa.drawing': 'Drawn on',
  'c2pa.orientation': 'Turned',
  'c2pa.converted': 'Converted',
  'c2pa.transcoded': 'Compressed anew',
  'c2pa.repackaged': 'Repackaged',
  'c2pa.published': 'Published',
}

const sources: Record<string, string> = {
  trainedAlgorithmicMedia: 'made by a generative AI',
  compositeWithTrainedAlgorithmicMedia: 'partly made by a generative AI',
  algorithmicMedia: 'made by a program',
  algorithmicallyEnhanced: 'enhanced by a program',
  digitalCapture: 'taken with a camera',
  computationalCapture: 'taken with a camera that merges several shots',
  composite: 'put together from several pictures',
  compositeCapture: 'put together from several photographs',
  compositeSynthetic: 'put together from pictures, some of them made by a program',
  digitalArt: 'drawn by a person',
  digitalCreation: 'made by a person with a program',
  humanEdits: 'edited by a person',
  minorHumanEdits: 'lightly edited by a person',
  screenCapture: 'a screen shot',
}

/** A term of IPTC's list in words; an unknown one as it stands. */
export const sourceText = (term: string) => sources[term] ?? term

/** A claimed action in a sentence. */
export function actionText({ action, agent, source_type, when }: Action): string {
  const what = actions[action] ?? action
  const how = source_type ? `, ${sourceText(source_type)}` : ''
  return `${what}${agent ? ` with ${agent}` : ''}${how}${when ? ` (${instant(when)})` : ''}`
}

/** A generator's trace: where it stood, and what it said. */
export function hintText({ kind, value }: Inspection['generator'][number]): string {
  return kind === 'source_type' ? `The picture is said to be ${sourceText(value)}.` : value
}

export const hintTitles: Record<Inspection['generator'][number]['kind'], string> = {
  parameters: 'Settings of an image generator',
  software: 'Name of an image generator',
  source_type: 'Declared origin',
}

export function compressionFacts(compression: Compression): Fact[] {
  const { quality, standard_tables, progressive, compressed_twice } = compression
  return [
    {
      term: 'JPEG quality',
      text: standard_tables
        ? `${quality} of 100, as most programs write it`
        : `about ${quality} of 100, in a way of its own, as cameras and some programs do`,
    },
    { term: 'Layout', text: progressive ? 'progressive, as made for the web' : 'baseline' },
    { term: 'Compressed before', text: twiceText(compressed_twice) },
  ]
}

function twiceText(twice: boolean | null): string {
  if (twice === null) return 'Cannot be told: the picture has too little detail.'
  return twice
    ? 'Probably: its numbers bear the marks of an earlier compression. Someone opened and saved it again, which most editing and every chat app does.'
    : 'No sign of it. A second compression with the same settings, or after cropping, leaves none.'
}

/** Degrees as people write them: 33.86° S, 151.21° E. */
export function positionText({
  latitude,
  longitude,
}: NonNullable<Inspection['metadata']['position']>): string {
  const north = `${Math.abs(latitude).toFixed(5)}° ${latitude < 0 ? 'S' : 'N'}`
  return `${north}, ${Math.abs(longitude).toFixed(5)}° ${longitude < 0 ? 'W' : 'E'}`
}

function present(facts: [string, string | null][]): Fact[] {
  return facts.flatMap(([term, text]) => (text ? [{ term, text }] : []))
}
