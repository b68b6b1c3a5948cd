export type Delay = { minMs: number; maxMs: number }

/** How long to wait before an attempt (1 is the first repetition): twice as long each time, and never the same for two. */
export function backoffMs(attempt: number, { minMs, maxMs }: Delay): number {
  const longest = Math.min(maxMs, minMs * 2 ** attempt)
  return minMs / 2 + Math.random() * longest
}
