/** How far the server's clock is ahead of this device's, as last measured. */
let aheadMs = 0

/**
 * The server's time. Holds expire by the server's clock, and a device's clock can be wrong by hours.
 * @returns milliseconds as `Date.now()`, accurate to about two seconds
 */
export const serverNow = (): number => Date.now() + aheadMs

/** `fetch` that also learns the server's time from the `Date` header. */
export async function timedFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const sentAt = Date.now()
  const response = await fetch(input, init)
  learn(response.headers.get('date'), sentAt, Date.now())
  return response
}

/** Maximum age of a `Date` header: it has whole seconds, and servers renew it once a second. */
const DATE_AGE_MS = 2000

/** The server wrote `date` between the two instants. An offset that fits these bounds is left as it is. */
function learn(date: string | null, sentAt: number, receivedAt: number): void {
  const at = Date.parse(date ?? '')
  if (Number.isNaN(at)) return
  const [least, most] = [at - receivedAt, at + DATE_AGE_MS - sentAt]
  aheadMs = Math.min(Math.max(aheadMs, least), most)
}
