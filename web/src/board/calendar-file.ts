import type { Booking } from '@coworkspace/client'

const stamp = (instant: string) => new Date(instant).toISOString().replace(/[-:]|\.\d+/g, '')

/** A booking as a file that calendars read (RFC 5545), inside an address. */
export function calendarFile({ id, startsAt, endsAt, createdAt }: Booking): string {
  const lines = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//CoworkSpace//EN',
    'BEGIN:VEVENT',
    `UID:${id}`,
    `DTSTAMP:${stamp(createdAt)}`,
    `DTSTART:${stamp(startsAt)}`,
    `DTEND:${stamp(endsAt)}`,
    'SUMMARY:CoworkSpace',
    'END:VEVENT',
    'END:VCALENDAR',
    '',
  ]
  return `data:text/calendar;charset=utf-8,${encodeURIComponent(lines.join('\r\n'))}`
}
