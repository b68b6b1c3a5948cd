import fc from 'fast-check'
import { addDays, instantOf, MINUTE, type Millis, overlap } from '../../src/lib/time'
import { type Hours, HoursInput } from '../../src/schemas/spaces'
import { type Calendar, type Claim, type Rules, slotsOfDate } from '../../src/services/calendar/availability'

export const ZONES = [
  'Europe/Rome',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'America/Havana',
  'America/Nuuk',
  'Pacific/Kiritimati',
  'UTC',
]

/** The days from 2026 to 2028 that are not 24 hours long. */
const changingDays = ZONES.flatMap((timeZone) =>
  Array.from({ length: 3 * 365 }, (_, index) => addDays('2026-01-01', index))
    .filter((date) => hoursOfDay(date, timeZone) !== 24)
    .map((date) => ({ date, timeZone })),
)

function hoursOfDay(date: string, timeZone: string): number {
  const midnight = (day: string) => Temporal.PlainDate.from(day).toZonedDateTime(timeZone).epochMilliseconds
  return (midnight(addDays(date, 1)) - midnight(date)) / 3_600_000
}

export const someDay = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...changingDays) },
  {
    weight: 1,
    arbitrary: fc.record({
      date: fc.integer({ min: 0, max: 3 * 365 }).map((days) => addDays('2026-01-01', days)),
      timeZone: fc.constantFrom(...ZONES),
    }),
  },
)

export const someTime = fc
  .integer({ min: 0, max: 24 * 12 - 1 })
  .map(
    (step) => `${String(Math.floor(step / 12)).padStart(2, '0')}:${String((step % 12) * 5).padStart(2, '0')}`,
  )

/** Any weekly hours that the API accepts, with closed days, split days and hours past midnight. */
export const someHours: fc.Arbitrary<Hours> = fc
  .array(
    fc.record({
      weekday: fc.constantFrom<Hours[number]['weekday'][]>(1, 2, 3, 4, 5, 6, 7),
      opensAt: fc.oneof(fc.constantFrom('00:00', '01:30', '02:00', '02:30', '22:00', '23:30'), someTime),
      closesAt: fc.oneof(fc.constantFrom('24:00', '00:00', '02:00', '02:30', '03:00', '23:30'), someTime),
    }),
    { minLength: 1, maxLength: 20 },
  )
  .map((wanted) => {
    const hours: Hours = []
    for (const opening of wanted) if (HoursInput.safeParse([...hours, opening]).success) hours.push(opening)
    return hours.sort((a, b) => (a.opensAt < b.opensAt ? -1 : 1))
  })

const someSettings = fc.record({
  slotMinutes: fc.constantFrom(5, 25, 30, 45, 60, 90, 420, 1440),
  bufferMinutes: fc.constantFrom(0, 0, 5, 15, 60, 600, 1440),
  units: fc.integer({ min: 1, max: 3 }),
  maxSlots: fc.integer({ min: 1, max: 6 }),
  minNoticeMinutes: fc.constantFrom(0, 0, 30, 600),
  maxNoticeDays: fc.constantFrom(0, 1, 90),
  hours: someHours,
})

type Case = { date: string; timeZone: string; hours: Hours } & Pick<
  Rules,
  'slotMinutes' | 'bufferMinutes' | 'units' | 'maxSlots' | 'minNoticeMinutes' | 'maxNoticeDays'
>
export const someCase: fc.Arbitrary<Case> = fc
  .tuple(someDay, someSettings)
  .map(([day, rest]) => ({ ...day, ...rest }))

export const rulesOf = ({ date: _, ...settings }: Case): Rules => ({
  spaceId: '019a7d3e-5b1c-7c00-8000-000000000001',
  locationId: '019a7d3e-5b1c-7c00-8000-000000000002',
  priceMinor: 0,
  currency: 'EUR',
  version: 1,
  rulesVersion: 1,
  closures: [],
  ...settings,
})

/** A calendar with claims on whole slots, sometimes a closure, and a random current time. */
export const someCalendar = fc
  .record({
    base: someCase,
    claims: fc.array(fc.nat(), { maxLength: 12 }),
    closure: fc.option(
      fc.record({ from: fc.integer({ min: -1440, max: 2880 }), minutes: fc.integer({ min: 1, max: 600 }) }),
    ),
    nowMinutes: fc.integer({ min: -3 * 1440, max: 1440 }),
  })
  .map(({ base, claims, closure, nowMinutes }) => {
    const rules = rulesOf(base)
    const midnight = instantOf(base.date, '00:00', base.timeZone)
    if (closure) {
      const from = midnight + closure.from * MINUTE
      rules.closures.push({ from, to: from + closure.minutes * MINUTE })
    }
    const calendar: Calendar = { rules, claims: [], now: midnight + nowMinutes * MINUTE }
    for (const number of claims) addClaim(calendar, base.date, number)
    return { ...base, calendar }
  })

/** Adds a claim on the date or the day before or after. Returns undefined if its unit is taken. */
export function addClaim({ rules, claims, now }: Calendar, date: string, number: number): Claim | undefined {
  const slots = datesAround(date).flatMap((day) => slotsOfDate(rules, day))
  const slot = slots[number % slots.length]
  if (!slot) return undefined
  const unit = 1 + (number % rules.units)
  const period = { from: slot.from, to: slot.to + rules.bufferMinutes * MINUTE }
  if (claims.some((claim) => claim.unit === unit && overlap(claim, period))) return undefined
  const held = number % 3 === 0
  const claim = {
    ...period,
    unit,
    startsAt: slot.from,
    endsAt: slot.to,
    held,
    expiresAt: held ? now + 1 + (number % 900_000) : null,
    userId: 'somebody',
  }
  claims.push(claim)
  return claim
}

const datesAround = (date: string) => [-1, 0, 1].map((days) => addDays(date, days))

/** Local time by `Intl`, because the code under test uses `Temporal`. */
const clocks = new Map(
  ZONES.map((timeZone) => [
    timeZone,
    new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' }),
  ]),
)
export const wallClock = (at: Millis, timeZone: string): string => clocks.get(timeZone)?.format(at) ?? ''
