/** A difference between Stripe and the database, or a dispute, which an admin must resolve. */
export type Difference = {
  kind:
    | 'unknown_intent'
    | 'payment_differs'
    | 'refund_differs'
    | 'refund_waits'
    | 'payment_left_open'
    | 'sums_differ'
    | 'dispute'
  bookingId: string | null
  paymentId: string | null
  stripeId: string | null
  ours: string
  stripes: string
  mended: boolean
}

export type Period = { from: Date; until: Date }

export type Correct = (
  difference: Omit<Difference, 'mended'>,
  run: () => Promise<unknown>,
) => Promise<Difference>
