import { serverNow } from './clock'
import type { Language } from './i18n'

/** Regional formats: day before month, 24 hours. */
const LOCALES: Record<Language, string> = { en: 'en-GB', it: 'it-IT', fr: 'fr-FR' }

export const formatTime = (instant: string, timeZone: string, language: Language): string =>
  new Intl.DateTimeFormat(LOCALES[language], { timeZone, hour: '2-digit', minute: '2-digit' }).format(
    new Date(instant),
  )

export const formatPeriod = (
  { startsAt, endsAt }: { startsAt: string; endsAt: string },
  timeZone: string,
  language: Language,
): string => `${formatTime(startsAt, timeZone, language)}–${formatTime(endsAt, timeZone, language)}`

/** `Monday 4 January`, with the year only if it is not the current one. */
export function formatDay(instant: string, timeZone: string, language: Language): string {
  const at = new Date(instant)
  const sameYear = dateIn(timeZone, at).slice(0, 4) === dateIn(timeZone).slice(0, 4)
  return new Intl.DateTimeFormat(LOCALES[language], {
    timeZone,
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    ...(!sameYear && { year: 'numeric' }),
  }).format(at)
}

export function dateParts(date: string, language: Language): { weekday: string; day: string; month: string } {
  const at = new Date(`${date}T12:00:00Z`)
  const part = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(LOCALES[language], { timeZone: 'UTC', ...options }).format(at)
  return {
    weekday: part({ weekday: 'short' }),
    day: part({ day: 'numeric' }),
    month: part({ month: 'short' }),
  }
}

export const formatMoment = (instant: string, language: Language, timeZone?: string): string =>
  new Intl.DateTimeFormat(LOCALES[language], { dateStyle: 'medium', timeStyle: 'short', timeZone }).format(
    new Date(instant),
  )

/** @param minor an amount in the smallest unit of its currency */
export function formatMoney(minor: number, currency: string, language: Language): string {
  const format = new Intl.NumberFormat(LOCALES[language], { style: 'currency', currency })
  return format.format(minor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2))
}

/** Smallest units per main unit of a currency; 1 for an incomplete currency code. */
export function unitOf(currency: string): number {
  if (!/^[A-Z]{3}$/.test(currency)) return 1
  const digits = new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions()
  return 10 ** (digits.maximumFractionDigits ?? 2)
}

export function formatLength(minutes: number, language: Language): string {
  const unit = (value: number, name: 'hour' | 'minute') =>
    new Intl.NumberFormat(LOCALES[language], { style: 'unit', unit: name, unitDisplay: 'short' }).format(
      value,
    )
  const hours = Math.floor(minutes / 60)
  const rest = minutes % 60
  return [hours > 0 && unit(hours, 'hour'), rest > 0 && unit(rest, 'minute')].filter(Boolean).join(' ')
}

/** A calendar date as `4 Jan`. */
export function formatShortDay(date: string, language: Language): string {
  const { day, month } = dateParts(date, language)
  return `${day} ${month}`
}

/** Whole percent. Less than everything is at most 99 %. */
export const formatShare = (share: number, language: Language): string =>
  new Intl.NumberFormat(LOCALES[language], { style: 'percent', maximumFractionDigits: 0 }).format(
    share < 1 ? Math.min(share, 0.99) : share,
  )

/** A duration in hours, or in days from two days on. */
export function formatHours(hours: number, language: Language): string {
  const [value, unit] = hours >= 48 ? [hours / 24, 'day'] : [hours, 'hour']
  const options = { style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: 0 } as const
  return new Intl.NumberFormat(LOCALES[language], options).format(value)
}

/** `14:59`; never below zero. */
export function formatCountdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`
}

export const weekdayName = (weekday: number, language: Language): string =>
  new Intl.DateTimeFormat(LOCALES[language], { weekday: 'long', timeZone: 'UTC' }).format(
    new Date(Date.UTC(2024, 0, weekday)),
  )

/** The date in a time zone, today by default. */
export const dateIn = (timeZone: string, at = new Date(serverNow())): string =>
  new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(at)

/** Whether a URL parameter is a valid calendar date. */
export const isDate = (text: string | null | undefined): text is string =>
  /^20\d\d-(0[1-9]|1[0-2])-([0-2]\d|3[01])$/.test(text ?? '') && addDays(text ?? '', 0) === text

/** The date from a URL parameter, or today. */
export const dateOf = (text: string | null, timeZone: string): string =>
  isDate(text) ? text : dateIn(timeZone)

export function addDays(date: string, days: number): string {
  const at = new Date(`${date}T12:00:00Z`)
  at.setUTCDate(at.getUTCDate() + days)
  return at.toISOString().slice(0, 10)
}

/** The instant of a local time (`2027-01-04T09:00`); the first one if the clocks go back. */
export function instantOf(local: string, timeZone: string): string {
  const wanted = Date.parse(`${local}:00Z`)
  const shown = (at: number) =>
    Date.parse(
      `${new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' }).format(at).replace(' ', 'T')}Z`,
    )
  let at = wanted - (shown(wanted) - wanted)
  at -= shown(at) - wanted
  return new Date(at).toISOString().replace('.000Z', 'Z')
}

/** Whether the device's clock shows the same time as that zone. */
export const isLocal = (instant: string, timeZone: string): boolean =>
  localOf(instant, timeZone) === localOf(instant, Intl.DateTimeFormat().resolvedOptions().timeZone)

/** The inverse of `instantOf`, as the value of a `datetime-local` field. */
export const localOf = (instant: string, timeZone: string): string =>
  new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' })
    .format(new Date(instant))
    .replace(' ', 'T')
