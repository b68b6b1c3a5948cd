import type { Booking } from '@coworkspace/client'

/** What is to be paid to book what is held: points may have paid a part. */
export const dueOf = ({ depositMinor, priceMinor, pointsMinor }: Booking): number =>
  Math.max(0, (depositMinor || priceMinor) - pointsMinor)
