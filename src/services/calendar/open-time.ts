import { addDays, type Millis, overlap, type Period } from '../../lib/time'
import { type OpeningHours, openingsOf } from './availability'

const HALF_HOUR: Millis = 1_800_000
const HOUR: Millis = 3_600_000
const DAY_HOURS = 24

/** Milliseconds by local hour of the week; 0 is the first hour of Monday. */
export type Week = Float64Array
export const emptyWeek = (): Week => new Float64Array(7 * DAY_HOURS)

export type Opened = { hours: OpeningHours[]; timeZone: string; closures: Period[] }

/**
 * Sums the open time of a period by local hour of the week, by the same rules as boards. A change of clocks counts with the real
 * length of its day.
 * @param dates the local dates that the period may touch, in order
 */
export function openTime(
  { hours, timeZone, closures, during }: Opened & { during: Period },
  dates: string[],
): Week {
  const week = emptyWeek()
  if (hours.length === 0 || during.from >= during.to) return week
  // An opening belongs to the date on which it began and may end two dates later.
  for (const date of [...daysBefore(dates), ...dates])
    for (const opening of openingsOf({ hours, timeZone }, date))
      for (const open of without(within(opening, during), closures)) addTo(week, open, timeZone)
  return week
}

const daysBefore = ([first = '']: string[]) => (first ? [addDays(first, -2), addDays(first, -1)] : [])

const within = (a: Period, b: Period): Period => ({
  from: Math.max(a.from, b.from),
  to: Math.min(a.to, b.to),
})

/** The parts of a period outside the closures. */
export function without(period: Period, closures: Period[]): Period[] {
  let left = period.from < period.to ? [period] : []
  for (const closure of closures) {
    if (!overlap(closure, period)) continue
    left = left.flatMap((open) =>
      [
        { from: open.from, to: Math.min(open.to, closure.from) },
        { from: Math.max(open.from, closure.to), to: open.to },
      ].filter(({ from, to }) => from < to),
    )
  }
  return left
}

/** Splits at local hours; if the clocks change in between, at half hours, since some zones change by 30 minutes. */
function addTo(week: Week, { from, to }: Period, timeZone: string): void {
  let offset = offsetAt(from, timeZone)
  const steady = offset === offsetAt(to - 1, timeZone)
  const step = steady ? HOUR : HALF_HOUR
  for (let at = from; at < to; ) {
    if (!steady) offset = offsetAt(at, timeZone)
    const local = at + offset
    const next = Math.min(to, at + step - modulo(local, step))
    // 1970-01-01 was a Thursday.
    const hour = modulo(Math.floor(local / HOUR) + 3 * DAY_HOURS, week.length)
    week[hour] = (week[hour] ?? 0) + (next - at)
    at = next
  }
}

const modulo = (value: number, by: number) => ((value % by) + by) % by

const offsetAt = (at: Millis, timeZone: string): Millis =>
  Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone).offsetNanoseconds / 1e6
