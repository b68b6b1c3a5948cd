import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Reason } from '../src/errors'
import { addDays, DAY, dateAt, instantOf, MINUTE, type Millis, overlap, type Period } from '../src/lib/time'
import type { Slot } from '../src/schemas/slots'
import type { RunningServer } from '../src/server'
import { type Claim, openingsOf, slotsOfDate, unavailableReason } from '../src/services/calendar/availability'
import { nextChangeByClock, renderBoard, renderTouchedSlots } from '../src/services/calendar/slots'
import {
  addClaim,
  rulesOf,
  someCalendar,
  someCase,
  someDay,
  someHours,
  someTime,
  wallClock,
  ZONES,
} from './support/calendars'
import { randomFrom, seed, sized } from './support/proof'
import {
  allDay,
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
} from './support/world'

const runs = { seed, numRuns: sized(300, 5_000) }

const plain = {
  slotMinutes: 30,
  bufferMinutes: 0,
  units: 1,
  maxSlots: 1,
  minNoticeMinutes: 0,
  maxNoticeDays: 90,
}

describe('days of a clock change', () => {
  const days: [string, string, number][] = [
    ['Europe/Rome', '2027-03-28', 23],
    ['Europe/Rome', '2026-10-25', 25],
    ['America/New_York', '2027-03-14', 23],
    ['America/New_York', '2026-11-01', 25],
    ['Australia/Lord_Howe', '2026-10-04', 23.5],
    ['Australia/Lord_Howe', '2027-04-04', 24.5],
    ['Asia/Kolkata', '2027-03-28', 24],
    ['Asia/Kathmandu', '2027-03-28', 24],
  ]
  test.each(days)('%s %s has %d hours of slots without a gap', (timeZone, date, hours) => {
    const slots = slotsOfDate(rulesOf({ ...plain, date, timeZone, hours: allDay }), date)
    expect(slots).toHaveLength(hours * 2)
    expect(slots[0]?.from).toBe(instantOf(date, '00:00', timeZone))
    expect(slots.at(-1)?.to).toBe(instantOf(addDays(date, 1), '00:00', timeZone))
    slots.forEach((slot, index) => {
      if (index > 0) expect(slot.from).toBe(slots[index - 1]?.to ?? 0)
    })
  })

  test('hours that end in a skipped hour end when the day after opens', () => {
    // On 28 March 2026 the clocks of Nuuk skip the hour from 23:00 to midnight.
    const hours = [
      { weekday: 5, opensAt: '23:30', closesAt: '23:30' },
      { weekday: 7, opensAt: '00:00', closesAt: '00:00' },
    ]
    const [friday, sunday] = ['2026-03-27', '2026-03-29'].map((date) =>
      openingsOf({ hours, timeZone: 'America/Nuuk' }, date),
    )
    expect(friday).toEqual([{ from: Date.parse('2026-03-28T01:30Z'), to: Date.parse('2026-03-29T01:00Z') }])
    expect(sunday).toEqual([{ from: Date.parse('2026-03-29T01:00Z'), to: Date.parse('2026-03-30T01:00Z') }])
  })

  test('a repeated local time is its first instant, a skipped one shifts by the change', () => {
    fc.assert(
      fc.property(someDay, someTime, ({ date, timeZone }, time) => {
        const at = instantOf(date, time, timeZone)
        const wanted = `${date} ${time}`
        const earlier = Array.from({ length: 36 }, (_, index) => at - (index + 1) * 5 * MINUTE)
        if (wallClock(at, timeZone) === wanted) {
          expect(earlier.map((instant) => wallClock(instant, timeZone))).not.toContain(wanted)
          return
        }
        // The clock skips this time. The result lies as far after the jump as the time was meant to lie.
        const jump = earlier.findLast((instant) => wallClock(instant, timeZone) > wanted) ?? at
        expect(wallClock(jump - MINUTE, timeZone) < wanted).toBe(true)
        const before = Date.parse(`${wallClock(jump - MINUTE, timeZone).replace(' ', 'T')}:00Z`) + MINUTE
        expect(at - jump).toBe(Date.parse(`${wanted.replace(' ', 'T')}:00Z`) - before)
      }),
      runs,
    )
  })
})

describe('slots of random hours, zones and dates', () => {
  test('follow a grid from each opening and drop only a remainder shorter than a slot', () => {
    fc.assert(
      fc.property(someCase, (base) => {
        const rules = rulesOf(base)
        const step = rules.slotMinutes * MINUTE
        const expected = openingsOf(rules, base.date).flatMap(({ from, to }) =>
          Array.from({ length: Math.floor((to - from) / step) }, (_, index) => ({
            from: from + index * step,
            to: from + (index + 1) * step,
          })),
        )
        expect(slotsOfDate(rules, base.date)).toEqual(expected)
      }),
      runs,
    )
  })

  test('lie within the opening hours', () => {
    fc.assert(
      fc.property(someCase, (base) => {
        const rules = rulesOf(base)
        const weekday = Temporal.PlainDate.from(base.date).dayOfWeek
        const openings = rules.hours.filter((row) => row.weekday === weekday)
        for (const slot of slotsOfDate(rules, base.date)) {
          const inside = openings.some(({ opensAt, closesAt }) => {
            const closesOn = closesAt <= opensAt ? addDays(base.date, 1) : base.date
            return (
              instantOf(base.date, opensAt, base.timeZone) <= slot.from &&
              slot.to <= instantOf(closesOn, closesAt, base.timeZone)
            )
          })
          expect(inside).toBe(true)
        }
      }),
      runs,
    )
  })

  test('never overlap, not even across dates', () => {
    fc.assert(
      fc.property(someCase, (base) => {
        const rules = rulesOf(base)
        const slots = [-2, -1, 0, 1, 2].flatMap((days) => slotsOfDate(rules, addDays(base.date, days)))
        slots.sort((a, b) => a.from - b.from)
        slots.forEach((slot, index) => {
          if (index > 0) expect(slot.from).toBeGreaterThanOrEqual(slots[index - 1]?.to ?? 0)
        })
      }),
      runs,
    )
  })
})

describe('a board and a hold', () => {
  test('agree on every slot of a board and on the reason', () => {
    fc.assert(
      fc.property(someCalendar, ({ date, calendar }) => {
        for (const slot of renderBoard(calendar, date).slots)
          expect([slot.id, unavailableReason(calendar, periodOf(slot))]).toEqual([slot.id, refusalOf(slot)])
      }),
      runs,
    )
  })

  test('agree on any other time: only consecutive free slots can be held', () => {
    fc.assert(
      fc.property(
        someCalendar,
        fc.integer({ min: -1440, max: 2880 }),
        fc.integer({ min: 1, max: 2000 }),
        fc.nat(),
        fc.integer({ min: 1, max: 7 }),
        ({ date, calendar }, minute, length, number, count) => {
          // Covers the longest time below.
          const slots = Array.from({ length: 14 }, (_, index) => addDays(date, index - 3)).flatMap(
            (day) => renderBoard(calendar, day).slots,
          )
          const near = slots.filter((slot) => periodOf(slot).from < calendar.now + 5 * DAY)
          const start = near[number % Math.max(1, near.length)]
          const from = instantOf(date, '00:00', calendar.rules.timeZone) + minute * MINUTE
          const step = calendar.rules.slotMinutes * MINUTE
          const times = [
            { from, to: from + length * MINUTE },
            { from, to: from + step },
          ]
          if (start) times.push({ from: periodOf(start).from, to: periodOf(start).from + count * step })
          for (const time of times) {
            const row = slots.filter((slot) => overlap(periodOf(slot), time))
            const whole =
              row.length > 0 &&
              row.length <= calendar.rules.maxSlots &&
              periodOf(row[0]).from === time.from &&
              periodOf(row.at(-1)).to === time.to &&
              row.every((slot, index) => index === 0 || slot.startsAt === row[index - 1]?.endsAt)
            const reason = unavailableReason(calendar, time)
            // The maximum notice applies only to the start of a booking.
            const hadInRow = (slot: Slot) => slot.status === 'free' || slot.reason === 'TOO_EARLY'
            if (reason === null) expect(whole && row[0]?.status === 'free' && row.every(hadInRow)).toBe(true)
            if (whole && row.length === 1 && row[0]) expect(reason).toBe(refusalOf(row[0]))
            if (!whole) expect(reason).toBeOneOf(['SLOT_PAST', 'SLOT_CLOSED', 'OFF_GRID', 'TOO_LONG'])
          }
        },
      ),
      runs,
    )
  })
})

test('hours that end in a skipped hour are listed and bookable to their end', () => {
  // The clocks of Nuuk skip the hour from 23:00 on that Saturday, so 23:30 becomes 00:30 on Sunday.
  const hours = [{ weekday: 5 as const, opensAt: '23:30', closesAt: '23:30' }]
  const rules = rulesOf({ ...plain, date: '2027-03-26', timeZone: 'America/Nuuk', hours })
  const slots = slotsOfDate(rules, '2027-03-26')
  expect(wallClock(slots.at(-1)?.to ?? 0, 'America/Nuuk')).toBe('2027-03-28 00:30')
  const calendar = { rules, claims: [], now: (slots[0]?.from ?? 0) - DAY }
  expect(slots.map((slot) => unavailableReason(calendar, slot))).toEqual(slots.map(() => null))
  const touched = slots.flatMap((slot) => renderTouchedSlots(calendar, [slot]))
  expect(touched.map(({ startsAt }) => Date.parse(startsAt))).toEqual(slots.map(({ from }) => from))
})

describe('updates of a board', () => {
  test('contain every slot that a claim changes, as the board shows it afterwards', () => {
    fc.assert(
      fc.property(someCalendar, fc.nat(), ({ date, calendar }, number) => {
        const days = [-2, -1, 0, 1, 2].map((offset) => addDays(date, offset))
        const slotsNow = () => days.flatMap((day) => renderBoard(calendar, day).slots)
        const before = new Map(slotsNow().map((slot) => [slot.id, slot]))
        const claim = addClaim(calendar, date, number)
        if (!claim) return
        const touched = new Map(renderTouchedSlots(calendar, [claim]).map((slot) => [slot.id, slot]))
        for (const slot of slotsNow()) {
          if (!Bun.deepEquals(slot, before.get(slot.id))) expect(touched.has(slot.id)).toBe(true)
          if (touched.has(slot.id)) expect(touched.get(slot.id)).toEqual(slot)
        }
      }),
      runs,
    )
  })

  test('are due at the next change by the clock, and nothing changes before it', () => {
    fc.assert(
      fc.property(someCalendar, fc.double({ min: 0, max: 1, noNaN: true }), ({ date, calendar }, share) => {
        const until = nextChangeByClock(calendar, date)
        const last = Math.min(until - 1, calendar.now + 4 * DAY)
        const now = Math.floor(calendar.now + (last - calendar.now) * share)
        for (const at of [now, last]) {
          const later = { ...calendar, now: at, claims: calendar.claims.filter((claim) => runsAt(claim, at)) }
          expect(renderBoard(later, date)).toEqual(renderBoard(calendar, date))
        }
      }),
      runs,
    )
  })
})

const runsAt = ({ expiresAt }: Claim, at: Millis) => expiresAt === null || expiresAt > at

function periodOf(slot: Pick<Slot, 'startsAt' | 'endsAt'> | undefined): Period {
  return { from: Date.parse(slot?.startsAt ?? ''), to: Date.parse(slot?.endsAt ?? '') }
}

/** The refusal that a hold of this slot must get, or null for a free slot. */
function refusalOf({ status, reason }: Slot): Reason | null {
  if (status === 'free') return null
  if (status === 'past') return 'SLOT_PAST'
  return status === 'closed' ? reason : 'SLOT_TAKEN'
}

describe('against the database', () => {
  let server: RunningServer
  beforeAll(async () => {
    server = await startTestServer({ env: { MAX_HOLDS_PER_PERSON: '1000' } })
  })
  afterAll(stopTestServers)

  test('every slot of a board is held or refused as the board shows', async () => {
    const random = randomFrom('boards against holds')
    for (let round = 0; round < sized(6, 60); round++) {
      const timeZone = random.pick(ZONES)
      const space = await makeSpace(server, {
        timeZone,
        units: 1 + random.below(2),
        slotMinutes: random.pick([45, 60, 90, 240]),
        bufferMinutes: random.pick([0, 15, 90]),
        minNoticeMinutes: random.pick([0, 600]),
        maxNoticeDays: random.pick([1, 90]),
        hours: fc.sample(someHours, { seed: seed + round, numRuns: 1 })[0] ?? [],
      })
      const today = dateAt(Date.now(), timeZone)
      const [client, other] = [
        clientOf(server, await makePerson(server)),
        clientOf(server, await makePerson(server)),
      ]
      for (const date of [today, addDays(today, 1), addDays(today, 2)]) {
        const day = { spaceId: space.id, date }
        for (const { id, status } of (await client.slots.day.query(day)).slots)
          if (status === 'free' && random.chance(0.3))
            await other.slots.hold.mutate({ slotId: id }).catch(() => null)
        for (const { id } of (await client.slots.day.query(day)).slots) {
          const slotBefore = (await client.slots.day.query(day)).slots.find((slot) => slot.id === id)
          const outcome = await reasonOf(client.slots.hold.mutate({ slotId: id }))
          if (outcome === 'was not refused') await client.slots.release.mutate({ slotId: id })
          const slotAfter = (await client.slots.day.query(day)).slots.find((slot) => slot.id === id)
          // A slot that starts between the read and the hold may have either outcome.
          if (!slotBefore || slotBefore.status !== slotAfter?.status) continue
          expect([id, outcome]).toEqual([id, refusalOf(slotBefore) ?? 'was not refused'])
        }
      }
    }
  }, 300_000)
})
