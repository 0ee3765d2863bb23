let carried: File | null = null

/** A photograph that one page was given and the next one takes up. */
export function useCarriedPhoto() {
  const carry = (file: File) => (carried = file)

  /** What was carried here, once. */
  function takeUp(): File | null {
    const file = carried
    carried = null
    return file
  }

  return { carry, takeUp }
}
