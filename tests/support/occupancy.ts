import { MINUTE, overlap, type Period } from '../../src/lib/time'
import type { Booking } from '../../src/schemas/bookings'

type Time = Pick<Booking, 'startsAt' | 'endsAt'>
type Stay = Period & { booking: string; unit: number; since: number; until: number }
type Refused = { time: Period; since: number; until: number; except: string | undefined }
export type Occupancy = {
  took(booking: Booking, since: number): void
  moved(booking: Booking, since: number, until: number): void
  left(id: string, until: number): void
  refused(time: Time, since: number, until: number, except?: string): void
  /** Refusals of times for which, at every moment of the call, some unit was free. */
  falseRefusals(): string[]
}

/**
 * Records a calendar as clients see it. A booking may occupy its unit from the request for it until the response to its end.
 * A refusal is right if, at some moment of the call, every unit may have been occupied during the requested time.
 */
export function observeOccupancy(units: number, bufferMinutes: number): Occupancy {
  const stays: Stay[] = []
  const refusals: Refused[] = []
  const claimOf = ({ startsAt, endsAt }: Time): Period => ({
    from: Date.parse(startsAt),
    to: Date.parse(endsAt) + bufferMinutes * MINUTE,
  })
  const current = (id: string) => stays.find((stay) => stay.booking === id && stay.until === Infinity)

  const explained = ({ time, since, until, except }: Refused): boolean => {
    const inTheWay = stays.filter((stay) => overlap(stay, time) && stay.booking !== except)
    // Occupancy only rises at these moments, so its maximum is among them.
    const moments = [since, ...inTheWay.map((stay) => stay.since).filter((at) => at > since && at <= until)]
    return moments.some((moment) => {
      const taken = inTheWay.filter((stay) => stay.since <= moment && moment <= stay.until)
      return new Set(taken.map(({ unit }) => unit)).size === units
    })
  }

  return {
    took(booking, since) {
      stays.push({
        ...claimOf(booking),
        booking: booking.id,
        unit: booking.unit ?? 0,
        since,
        until: Infinity,
      })
    },
    moved(booking, since, until) {
      this.left(booking.id, until)
      this.took(booking, since)
    },
    left(id, until) {
      const stay = current(id)
      if (stay) stay.until = until
    },
    refused(time, since, until, except) {
      refusals.push({ time: claimOf(time), since, until, except })
    },
    falseRefusals: () =>
      refusals
        .filter((refusal) => !explained(refusal))
        .map(({ time }) => `${new Date(time.from).toISOString()} to ${new Date(time.to).toISOString()}`),
  }
}
