/** One line of a list of facts. */
export interface Fact {
  term: string
  text: string
  /** To be copied, not read. */
  code?: boolean
}
