import type { Limits } from '@/api/client'
import { Failure } from '@/api/failure'
import { bytes } from './format'

/** Refuse, before anything is sent, what the server would refuse anyway. */
export function checkFile(file: File, limits: Limits | null): void {
  if (file.size === 0) {
    throw refused(
      `${file.name} is empty`,
      'The file has 0 bytes. Save it again, or choose another.',
    )
  }
  if (file.type !== '' && !file.type.startsWith('image/')) {
    throw refused(
      `${file.name} is not an image`,
      `It is of type ${file.type}. Choose a photograph, for example a JPEG, PNG or WebP file.`,
    )
  }
  if (limits && file.size > limits.max_file_bytes) {
    throw refused(
      `${file.name} is too big`,
      `It has ${bytes(file.size)}; the server takes up to ${bytes(limits.max_file_bytes)}. Save a smaller copy and choose that.`,
    )
  }
}

/** The one image among dropped or pasted things. */
export function onlyFile(transfer: DataTransfer): File {
  const folder = [...transfer.items]
    .map((item) => item.webkitGetAsEntry?.())
    .find((entry) => entry?.isDirectory)
  if (folder) {
    throw refused(`${folder.name} is a folder`, 'Open it and drop one image from it.')
  }
  const [file, ...others] = transfer.files
  if (!file) {
    throw refused(
      'That was no file',
      'Drop or paste an image itself; a link or a piece of text cannot be checked.',
    )
  }
  if (others.length > 0) {
    throw refused(
      `${others.length + 1} files at once`,
      'Images are checked one at a time. Drop or paste a single one.',
    )
  }
  return file
}

function refused(title: string, detail: string): Failure {
  return new Failure('refused', title, detail)
}
