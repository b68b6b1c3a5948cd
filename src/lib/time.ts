export type Millis = number

export const MINUTE: Millis = 60_000
export const DAY: Millis = 86_400_000

/** ISO 8601 in UTC, without a fraction of zero. */
export const iso = (at: Date | Millis): string => {
  const text = (typeof at === 'number' ? new Date(at) : at).toISOString()
  return text.endsWith('.000Z') ? `${text.slice(0, -5)}Z` : text
}
export const isoOrNull = (at: Date | null): string | null => at && iso(at)

/**
 * The instant of a local time. A time that the clocks skip is shifted forward by the gap, and of a repeated time the first
 * is used (RFC 5545; "compatible" in Temporal).
 * @param date `YYYY-MM-DD`
 * @param time `HH:MM`; `24:00` is the next midnight
 */
export function instantOf(date: string, time: string, timeZone: string): Millis {
  const day = Temporal.PlainDate.from(date)
  const local = time === '24:00' ? day.add({ days: 1 }).toPlainDateTime() : day.toPlainDateTime(time)
  return local.toZonedDateTime(timeZone).epochMilliseconds
}

export const dateAt = (at: Millis, timeZone: string): string =>
  Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone).toPlainDate().toString()

/** Formats a local time for a locale, such as `Mon, 4 January 2027 at 09:00`. */
export const localTimeIn = (at: Millis, timeZone: string, locale: string): string =>
  new Intl.DateTimeFormat(locale, {
    weekday: 'short',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone,
  }).format(at)

export const addDays = (date: string, days: number): string =>
  Temporal.PlainDate.from(date).add({ days }).toString()

/** 1 is Monday, 7 is Sunday. */
export const weekdayOf = (date: string): number => Temporal.PlainDate.from(date).dayOfWeek

export function isTimeZone(name: string): boolean {
  if (knownZones.has(name)) return true
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    // Creating a format takes longer than most responses. A few hundred zones exist, each with a few spellings.
    if (knownZones.size < 5000) knownZones.add(name)
    return true
  } catch {
    return false
  }
}
const knownZones = new Set<string>()

export type Period = { from: Millis; to: Millis }
export const overlap = (a: Period, b: Period): boolean => a.from < b.to && b.from < a.to
