const all = '/tensorboard/'

/** TensorBoard with the runs of one network, or with all of them. */
export function curvesAddress(network: string | null): string {
  if (network === null) return all
  // its own filter of runs; the logs of a network lie in a folder of its name
  return `${all}?runFilter=${encodeURIComponent(`^${literally(network)}(/|$)`)}`
}

const literally = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
