/** How far the server's clock is ahead of this device's, as far as answers have told. */
let aheadMs = 0

/**
 * The server's time now: holds end by its clock, and not by that of a device, which may be wrong by any time.
 * @returns as `Date.now()` does, within the second or two that answers tell
 */
export const serverNow = (): number => Date.now() + aheadMs

/** As `fetch`, and learns from each answer what time it is at the server. */
export async function timedFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const sentAt = Date.now()
  const response = await fetch(input, init)
  learn(response.headers.get('date'), sentAt, Date.now())
  return response
}

/** How much older than its answer a date is at the most: it is in whole seconds, and servers write a new one each second. */
const DATE_AGE_MS = 2000

/** An answer was given at some moment between the two; what fits that is not changed. */
function learn(date: string | null, sentAt: number, receivedAt: number): void {
  const at = Date.parse(date ?? '')
  if (Number.isNaN(at)) return
  const [least, most] = [at - receivedAt, at + DATE_AGE_MS - sentAt]
  aheadMs = Math.min(Math.max(aheadMs, least), most)
}
