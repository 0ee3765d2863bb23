/** Let the browser save a text as a file. */
export function download(name: string, text: string) {
  const url = URL.createObjectURL(new Blob([text]))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // some browsers read it only after this turn
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
