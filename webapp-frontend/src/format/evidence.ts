import type { HeatMap, Prediction, SecondLook } from '@/api/client'
import { percent } from './format'

/** All heat maps of a picture: one of the whole, or one of each face that has one. */
export const heatMaps = ({ heat_map, faces }: Prediction): HeatMap[] =>
  [heat_map, ...faces.map((face) => face.heat_map)].filter((map) => map !== null)

const explanations: Record<HeatMap['method'], string> = {
  class_activation: 'what each place adds to the score',
  occlusion: 'how the score falls when a place is hidden',
}

/** What the coloured spots mean; where nothing is coloured, that. */
export function heatSentence(maps: HeatMap[]): string {
  const [first] = maps
  if (!first) return ''
  if (maps.every(({ values }) => values.flat().every((value) => value === 0))) {
    return 'No place in the picture speaks for a fake.'
  }
  const scale = maps.length > 1 ? 'the strongest spot of each face' : 'the strongest spot'
  return `Coloured is what speaks for a fake: ${explanations[first.method]}. However weak, ${scale} is always full.`
}

const alterations: Record<SecondLook['scores'][number]['alteration'], string> = {
  jpeg_75: 'saved as a coarser JPEG',
  resize_75: 'made smaller',
  mirror: 'mirrored',
}

/** How far the score moves under changes that leave a picture what it is. */
export function secondLookSentence({ lowest, highest, scores }: SecondLook): string {
  const parts = scores.map(
    ({ alteration, fake_probability }) => `${alterations[alteration]} ${percent(fake_probability)}`,
  )
  return `Between ${percent(lowest)} and ${percent(highest)}: ${parts.join(', ')}.`
}
