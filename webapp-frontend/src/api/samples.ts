import { Failure } from '@/api/failure'
import coarse from '@/assets/samples/coarse-copy.jpg'
import coarseSmall from '@/assets/samples/coarse-copy-small.jpg'
import landscape from '@/assets/samples/landscape.jpg'
import landscapeSmall from '@/assets/samples/landscape-small.jpg'
import mirrored from '@/assets/samples/mirrored-face.jpg'
import mirroredSmall from '@/assets/samples/mirrored-face-small.jpg'
import photograph from '@/assets/samples/photograph.jpg'
import photographSmall from '@/assets/samples/photograph-small.jpg'

/** A picture for those who have none at hand; scripts/make-samples.py makes them all. */
export interface Sample {
  name: string
  label: string
  address: string
  thumbnail: string
}

export const samples: Sample[] = [
  {
    name: 'photograph.jpg',
    label: 'Portrait',
    address: photograph,
    thumbnail: photographSmall,
  },
  {
    name: 'mirrored-face.jpg',
    label: 'Face altered',
    address: mirrored,
    thumbnail: mirroredSmall,
  },
  { name: 'coarse-copy.jpg', label: 'Coarse copy', address: coarse, thumbnail: coarseSmall },
  { name: 'landscape.jpg', label: 'No face', address: landscape, thumbnail: landscapeSmall },
]

export async function loadSample({ name, address }: Sample): Promise<File> {
  const response = await fetch(address).catch(() => null)
  if (!response?.ok) {
    throw new Failure(
      'refused',
      'The sample cannot be loaded',
      'Check that you are online and that the server runs, then choose it again.',
    )
  }
  return new File([await response.blob()], name, { type: 'image/jpeg' })
}
