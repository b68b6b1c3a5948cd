/** How long after one has done something the news of it may come. */
const COMES_WITHIN_MS = 30_000
const done = new Map<string, number>()

/** What whoever did it sees for himself. */
const SEEN = [
  'booking_requested',
  'booking_confirmed',
  'booking_cancelled',
  'booking_moved',
  'payment_received',
]

/** Tells that this person is about to change one of his bookings here: he need not be told of it. */
export function markOwn(bookingId: string): void {
  done.set(bookingId, Date.now())
}

/** Whether a notification only says what this person has just done himself. */
export function isOwn({ kind, bookingId }: { kind: string; bookingId: string | null }): boolean {
  const at = bookingId ? done.get(bookingId) : undefined
  return at !== undefined && Date.now() - at < COMES_WITHIN_MS && SEEN.includes(kind)
}
