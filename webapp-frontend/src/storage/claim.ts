/** Resolve once no other tab has the queue; this one then has it until it is closed. */
export function claimQueue(onTaken: () => void): Promise<void> {
  // only secure pages have locks: elsewhere every tab goes on as if it were alone
  const locks: LockManager | undefined = navigator.locks
  if (!locks) return Promise.resolve()
  return new Promise((resolve) => {
    const keep = () => {
      resolve()
      return new Promise<void>(() => {})
    }
    const ask = (options: LockOptions, granted: LockGrantedCallback<void>) =>
      // a browser that denies locks is no reason to keep anybody waiting
      void locks.request('queue', options, granted).catch(() => resolve())

    ask({ ifAvailable: true }, (lock) => {
      if (lock) return keep()
      onTaken()
      ask({}, keep)
    })
  })
}
