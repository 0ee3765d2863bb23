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

/** What was dropped, pasted or chosen at once: files, and the names of folders among them. */
export interface Picked {
  files: File[]
  folders: string[]
}

/** Read now what the browser forgets when the event is over. */
export function pickedFrom(transfer: DataTransfer): Picked {
  const picked: Picked = { files: [], folders: [] }
  for (const item of transfer.items) {
    const file = item.kind === 'file' ? item.getAsFile() : null
    const folder = item.webkitGetAsEntry?.()?.isDirectory
    if (file && folder) picked.folders.push(file.name)
    else if (file) picked.files.push(file)
  }
  return picked
}

export const isNothing = ({ files, folders }: Picked) => files.length + folders.length === 0

/** The one image of what was picked. */
export function onlyFile({ files: [file], folders: [folder] }: Picked): File {
  if (folder !== undefined) throw folderRefused(folder)
  if (!file) {
    throw refused(
      'That was no file',
      'Drop or paste an image itself; a link or a piece of text cannot be checked.',
    )
  }
  return file
}

export const folderRefused = (name: string) =>
  refused(`${name} is a folder`, 'Open it and drop the images that are in it.')

function refused(title: string, detail: string): Failure {
  return new Failure('refused', title, detail)
}
