/** How long the notification of the user's own action can take to arrive. */
const COMES_WITHIN_MS = 30_000
const done = new Map<string, number>()

/** Kinds that repeat what the user sees anyway after their own action. */
const SEEN = [
  'booking_requested',
  'booking_confirmed',
  'booking_cancelled',
  'booking_moved',
  'payment_received',
]

/** Call before changing a booking: its notification is then not shown as a toast. */
export function markOwn(bookingId: string): void {
  done.set(bookingId, Date.now())
}

/** Whether a notification only repeats the user's own action. */
export function isOwn({ kind, bookingId }: { kind: string; bookingId: string | null }): boolean {
  const at = bookingId ? done.get(bookingId) : undefined
  return at !== undefined && Date.now() - at < COMES_WITHIN_MS && SEEN.includes(kind)
}
