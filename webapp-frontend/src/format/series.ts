/** One line of a chart. */
export interface Series {
  label: string
  points: { x: number; y: number }[]
  /** A colour token, for example `--accent`. */
  colour: string
  /** Dashes tell lines apart without colour. */
  dashed?: boolean
}
