export type Delay = { minMs: number; maxMs: number }

/** Exponential backoff with jitter, in milliseconds. @param attempt 1 for the first retry */
export function backoffMs(attempt: number, { minMs, maxMs }: Delay): number {
  const longest = Math.min(maxMs, minMs * 2 ** attempt)
  return minMs / 2 + Math.random() * longest
}
