/**
 * Runs one read per key at a time. Callers that arrive during a read share the next one, because the running read may have
 * seen the database before they subscribed.
 */
export function createSharedReads<Result>() {
  const running = new Map<string, { result: Promise<Result>; next?: Promise<Result> }>()

  function start(key: string, read: () => Promise<Result>): Promise<Result> {
    const entry: { result: Promise<Result>; next?: Promise<Result> } = {
      result: read().finally(() => {
        if (!entry.next) running.delete(key)
      }),
    }
    running.set(key, entry)
    return entry.result
  }

  return (key: string, read: () => Promise<Result>): Promise<Result> => {
    const entry = running.get(key)
    if (!entry) return start(key, read)
    const startNext = () => start(key, read)
    entry.next ??= entry.result.then(startNext, startNext)
    return entry.next
  }
}
