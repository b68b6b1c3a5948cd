import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { activity, bookings, closures, locations, openingHours, spaces, users } from '../src/db/schema'
import { BOOKING_STATUSES } from '../src/db/schema/bookings'
import { addDays, dateAt, instantOf, type Millis, weekdayOf } from '../src/lib/time'
import type { AnalyticsSummary } from '../src/schemas/analytics'
import type { RunningServer } from '../src/server'
import { type Random, randomFrom, sized } from './support/proof'
import { clientOf, makePerson, startTestServer, stopTestServers } from './support/world'

setDefaultTimeout(sized(120_000, 600_000))
afterAll(stopTestServers)

const ROUNDS = sized(3, 40)
const STEP = 5 * 60_000
const HOUR = 3_600_000
/** Time zones, each with a date: most are the day of a clock change. */
const ZONES = [
  ['Europe/Rome', '2026-10-25'],
  ['Australia/Lord_Howe', '2026-10-04'],
  ['Australia/Lord_Howe', '2026-04-05'],
  ['America/Santiago', '2026-09-06'],
  ['America/Havana', '2026-11-01'],
  ['Asia/Kathmandu', '2026-06-10'],
  ['America/New_York', '2026-03-08'],
] as const

type World = Awaited<ReturnType<typeof makeWorld>>

/** Inserts random locations, spaces, bookings and payment activity around one date, bypassing the services. */
async function makeWorld({ deps }: RunningServer, random: Random, [timeZone, date]: (typeof ZONES)[number]) {
  const id = () => Bun.randomUUIDv7()
  const begin = instantOf(addDays(date, -4), '00:00', timeZone)
  const anyTime = (): Date => new Date(begin + random.below(9 * 288) * STEP)
  const clock = (hour: number) => `${String(hour).padStart(2, '0')}:${random.pick(['00', '15', '30'])}`
  const anyHours = () =>
    [1, 2, 3, 4, 5, 6, 7]
      .filter(() => random.chance(0.8))
      .map((weekday) => ({
        weekday,
        opensAt: clock(random.below(6)),
        closesAt: random.chance(0.2) ? '02:00' : clock(9 + random.below(14)),
      }))
  const people = Array.from({ length: 6 }, () => ({ id: id(), name: 'Ada' }))
  const places = [timeZone, 'UTC'].map((zone, index) => ({
    id: id(),
    name: `Location ${index}`,
    timeZone: zone,
  }))
  const rooms = places.flatMap(({ id: locationId }) =>
    Array.from({ length: 2 }, (_, index) => ({
      id: id(),
      locationId,
      name: `Room ${index}`,
      kind: 'desk' as const,
      units: 1 + random.below(3),
      ownHours: random.chance(0.4),
      createdAt: random.chance(0.7) ? new Date(0) : anyTime(),
      removedAt: random.chance(0.8) ? null : anyTime(),
    })),
  )
  const hours = [
    ...places.flatMap(({ id: locationId }) => anyHours().map((row) => ({ ...row, locationId }))),
    ...rooms
      .filter(({ ownHours }) => ownHours)
      .flatMap(({ id: spaceId }) => anyHours().map((row) => ({ ...row, spaceId }))),
  ]
  const closed = Array.from({ length: 4 }, () => {
    const startsAt = anyTime()
    const room = random.pick(rooms)
    const spaceId = random.chance(0.5) ? room.id : null
    const endsAt = new Date(startsAt.getTime() + (1 + random.below(60)) * STEP)
    return { locationId: room.locationId, spaceId, startsAt, endsAt }
  })
  const booked = Array.from({ length: 120 }, (_, unit) => {
    const room = random.pick(rooms)
    const startsAt = anyTime()
    const length = (1 + random.below(40)) * STEP
    const endsAt = new Date(startsAt.getTime() + length)
    const status = random.pick(BOOKING_STATUSES)
    const isBooked = !['held', 'expired'].includes(status) && (status !== 'cancelled' || random.chance(0.5))
    const freed =
      status === 'no_show' ? new Date(startsAt.getTime() + Math.ceil(length / STEP / 2) * STEP) : endsAt
    const paidMinor = isBooked ? random.below(5000) : 0
    return {
      id: id(),
      userId: random.pick(people).id,
      status,
      locationId: room.locationId,
      spaceId: room.id,
      // Each booking has its own unit, so that no two claims overlap.
      unit: unit + 1,
      startsAt,
      endsAt,
      firstStartsAt: startsAt,
      freed,
      claimed: `[${startsAt.toISOString()},${new Date(freed.getTime() + (status === 'no_show' ? 0 : 2 * STEP)).toISOString()})`,
      holdExpiresAt: startsAt,
      priceMinor: 5000,
      paidMinor,
      refundedMinor: random.below(paidMinor + 1),
      currency: random.pick(['EUR', 'USD']),
      cancellation: [],
      createdAt: new Date(startsAt.getTime() - random.below(400) * HOUR),
      bookedAt: isBooked ? startsAt : null,
    }
  })
  const payments = Array.from({ length: 60 }, () => {
    const { locationId, id: bookingId } = random.pick(booked)
    return {
      kind: random.pick(['paid', 'refunded', 'refund_failed'] as const),
      at: anyTime(),
      bookingId,
      locationId,
      source: random.pick(['web', 'rest'] as const),
      amountMinor: random.below(9000),
      currency: random.pick(['EUR', 'USD']),
    }
  })
  await deps.db.insert(users).values(people)
  await deps.db.insert(locations).values(places)
  await deps.db.insert(spaces).values(rooms)
  if (hours.length > 0) await deps.db.insert(openingHours).values(hours)
  await deps.db.insert(closures).values(closed)
  await deps.db.insert(bookings).values(booked.map(({ freed: _, ...row }) => row))
  await deps.db.insert(activity).values(payments)
  return { places, rooms, hours, closed, booked, payments }
}

const OCCUPYING = ['pending', 'confirmed', 'completed', 'no_show']

/** Computes the summary naively, in steps of five minutes and row by row. */
function summaryByHand(world: World, from: string, to: string, only?: string) {
  const places = world.places.filter(({ id }) => only === undefined || id === only)
  const zoneOf = (locationId: string) => places.find(({ id }) => id === locationId)?.timeZone
  const isIn = (at: Date, locationId: string) => {
    const zone = zoneOf(locationId)
    const date = zone && dateAt(at.getTime(), zone)
    return date !== undefined && from <= date && date <= to
  }
  const open = new Map<string, number>()
  const taken = new Map<string, number>()
  const add = (sums: Map<string, number>, key: string, units: number) =>
    sums.set(key, (sums.get(key) ?? 0) + units)
  for (const { id: locationId, timeZone } of places) {
    const end = instantOf(addDays(to, 1), '00:00', timeZone)
    for (let at = instantOf(from, '00:00', timeZone); at < end; at += STEP) {
      const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone)
      const cell = `${local.dayOfWeek} ${local.hour}`
      for (const room of world.rooms.filter((one) => one.locationId === locationId))
        if (isOpen(world, room, at, timeZone)) add(open, cell, room.units)
      for (const { locationId: bookedLocationId, status, startsAt, freed } of world.booked)
        if (
          bookedLocationId === locationId &&
          OCCUPYING.includes(status) &&
          startsAt.getTime() <= at &&
          at < freed.getTime()
        )
          add(taken, cell, 1)
    }
  }
  const occupancy = [...new Set([...open.keys(), ...taken.keys()])].map((cell) => {
    const [weekday = 0, hour = 0] = cell.split(' ').map(Number)
    const booked = taken.get(cell) ?? 0
    return { weekday, hour, share: Math.round((booked / Math.max(open.get(cell) ?? 0, booked)) * 1e4) / 1e4 }
  })
  const made = world.booked.filter(({ createdAt, locationId }) => isIn(createdAt, locationId))
  const count = (fits: (row: World['booked'][number]) => boolean) => made.filter(fits).length
  const held = made.filter(({ bookedAt }) => bookedAt)
  const lead = held.reduce((sum, { startsAt, createdAt }) => sum + Number(startsAt) - Number(createdAt), 0)
  const inTime = world.booked.filter(({ startsAt, locationId }) => isIn(startsAt, locationId))
  const standing = inTime.filter(({ status }) => OCCUPYING.includes(status))
  const people = [...new Set(standing.map(({ userId }) => userId))]
  const returning = people.filter((userId) => {
    const own = standing.filter((row) => row.userId === userId)
    const last = Math.max(...own.map(({ startsAt }) => Number(startsAt)))
    return world.booked.some(
      (row) =>
        row.userId === userId &&
        OCCUPYING.includes(row.status) &&
        zoneOf(row.locationId) !== undefined &&
        (Number(row.startsAt) < last || own.length > 1),
    )
  })
  const share = (part: number, of: number) => (of === 0 ? 0 : Math.round((part / of) * 1e4) / 1e4)
  const over = standing.filter(({ status }) => status === 'completed' || status === 'no_show')
  return {
    occupancy: sorted(occupancy),
    revenue: revenueByHand(world, isIn, zoneOf),
    funnel: {
      held: made.length,
      paid: held.length,
      completed: count(({ status }) => status === 'completed'),
      cancelled: count(({ status, bookedAt }) => status === 'cancelled' && bookedAt !== null),
      noShow: count(({ status }) => status === 'no_show'),
      declined: count(({ status }) => status === 'declined'),
      released: count(({ status, bookedAt }) => status === 'cancelled' && bookedAt === null),
      expired: count(({ status }) => status === 'expired'),
      holding: count(({ status }) => status === 'held'),
      coming: count(({ status }) => status === 'pending' || status === 'confirmed'),
    },
    leadTimeHours: held.length === 0 ? 0 : Math.round((lead / held.length / HOUR) * 100) / 100,
    people: people.length,
    returningShare: share(returning.length, people.length),
    noShowShare: share(over.filter(({ status }) => status === 'no_show').length, over.length),
    topSpaces: sorted(
      [...Map.groupBy(inTime, ({ spaceId, currency }) => `${spaceId} ${currency}`)].flatMap(([key, rows]) => {
        const [spaceId = '', currency = ''] = key.split(' ')
        const number = rows.filter(({ status }) => OCCUPYING.includes(status)).length
        const amountMinor = rows.reduce((sum, row) => sum + row.paidMinor - row.refundedMinor, 0)
        const name = world.rooms.find(({ id }) => id === spaceId)?.name ?? ''
        return number > 0 || amountMinor > 0
          ? [{ spaceId, name, bookings: number, amountMinor, currency }]
          : []
      }),
    ),
  }
}

function revenueByHand(
  world: World,
  isIn: (at: Date, locationId: string) => boolean,
  zoneOf: (locationId: string) => string | undefined,
) {
  const days = new Map<
    string,
    { receivedMinor: number; refundedMinor: number; sources: Map<string, number> }
  >()
  for (const { kind, at, locationId, amountMinor, currency, source } of world.payments) {
    if (!isIn(at, locationId)) continue
    const key = `${dateAt(at.getTime(), zoneOf(locationId) ?? 'UTC')} ${currency}`
    const day = days.getOrInsertComputed(key, () => ({
      receivedMinor: 0,
      refundedMinor: 0,
      sources: new Map(),
    }))
    const back = kind === 'refunded' ? amountMinor : kind === 'refund_failed' ? -amountMinor : 0
    if (kind === 'paid') day.receivedMinor += amountMinor
    day.refundedMinor += back
    day.sources.set(source, (day.sources.get(source) ?? 0) + (kind === 'paid' ? amountMinor : -back))
  }
  return sorted(
    [...days].map(([key, { receivedMinor, refundedMinor, sources }]) => {
      const [date = '', currency = ''] = key.split(' ')
      const bySource = sorted([...sources].map(([source, amountMinor]) => ({ source, amountMinor })))
      return {
        date,
        currency,
        amountMinor: receivedMinor - refundedMinor,
        receivedMinor,
        refundedMinor,
        sources: bySource,
      }
    }),
  )
}

/** Whether opening hours of this or the two previous dates cover an instant that no closure covers. */
function isOpen(world: World, room: World['rooms'][number], at: Millis, timeZone: string): boolean {
  if (at < room.createdAt.getTime() || at >= (room.removedAt?.getTime() ?? Number.POSITIVE_INFINITY))
    return false
  const isClosed = world.closed.some(
    ({ locationId, spaceId, startsAt, endsAt }) =>
      locationId === room.locationId &&
      (spaceId ?? room.id) === room.id &&
      Number(startsAt) <= at &&
      at < Number(endsAt),
  )
  if (isClosed) return false
  const today = dateAt(at, timeZone)
  return [today, addDays(today, -1), addDays(today, -2)].some((date) =>
    world.hours.some((row) => {
      const isOwn = room.ownHours
        ? 'spaceId' in row && row.spaceId === room.id
        : 'locationId' in row && row.locationId === room.locationId
      if (!isOwn || row.weekday !== weekdayOf(date)) return false
      const closes = row.closesAt <= row.opensAt ? addDays(date, 1) : date
      return instantOf(date, row.opensAt, timeZone) <= at && at < instantOf(closes, row.closesAt, timeZone)
    }),
  )
}

const sorted = <T>(rows: T[]): T[] => rows.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))

const comparable = (summary: AnalyticsSummary) => {
  const { from: _from, to: _to, locationId: _location, asOf: _asOf, topSpecialists: _none, ...rest } = summary
  return {
    ...rest,
    occupancy: sorted(rest.occupancy),
    revenue: sorted(rest.revenue.map((day) => ({ ...day, sources: sorted(day.sources) }))),
    topSpaces: sorted(rest.topSpaces),
  }
}

test('a summary equals a naive model, also across clock changes', async () => {
  const random = randomFrom('analytics')
  for (let round = 0; round < ROUNDS; round++) {
    // Each round has its own database, so that a summary of all locations covers only this round.
    const server = await startTestServer()
    const admin = clientOf(server, await makePerson(server, 'admin'))
    const place = ZONES[(random.below(ZONES.length) + round) % ZONES.length] ?? ZONES[0]
    const world = await makeWorld(server, random, place)
    const from = addDays(place[1], -random.below(4))
    const to = addDays(from, random.below(6))
    for (const only of [undefined, world.places[0]?.id]) {
      const asked = { from, to, ...(only && { locationId: only }) }
      expect({ place, only, ...comparable(await admin.analytics.summary.query(asked)) }).toEqual({
        place,
        only,
        ...summaryByHand(world, from, to, only),
      } as never)
    }
    await server.stop()
  }
})
