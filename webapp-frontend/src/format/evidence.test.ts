import { expect, it } from 'vitest'
import { face, heatMap, prediction, secondLook } from '@/testing/samples'
import { heatMaps, heatSentence, secondLookSentence } from './evidence'

it('collects the heat maps of the picture and of its faces', () => {
  expect(heatMaps(prediction({ faces: [face()] }))).toEqual([])
  expect(heatMaps(prediction({ heat_map: heatMap() }))).toHaveLength(1)
  expect(heatMaps(prediction({ faces: [face({ heat_map: heatMap() }), face()] }))).toHaveLength(1)
})

it('says what is coloured, and that nothing is', () => {
  expect(heatSentence([heatMap()])).toContain('how the score falls when a place is hidden')
  expect(heatSentence([heatMap({ method: 'class_activation' }), heatMap()])).toContain('each face')
  expect(heatSentence([heatMap({ values: [[0, 0]] })])).toContain('No place')
  expect(heatSentence([])).toBe('')
})

it('gives the spread of a second look and each score', () => {
  expect(secondLookSentence(secondLook())).toBe(
    'Between 91.0 % and 95.0 %: saved as a coarser JPEG 91.0 %, made smaller 95.0 %, mirrored 93.0 %.',
  )
})
