import type { Booking } from '@coworkspace/client'

/** Amount due to confirm a hold: the deposit or the price, less redeemed points. */
export const dueOf = ({ depositMinor, priceMinor, pointsMinor }: Booking): number =>
  Math.max(0, (depositMinor || priceMinor) - pointsMinor)
