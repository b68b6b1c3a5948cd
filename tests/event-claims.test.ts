import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { bookings, events } from '../src/db/schema'
import { range } from '../src/db/sql'
import type { RunningServer } from '../src/server'
import { completePastBookings } from '../src/services/bookings/sweep'
import { makeEvent, makePeople } from './support/events'
import { rowsFor } from './support/notifications'
import { randomFrom, sized } from './support/proof'
import { openSocket } from './support/socket'
import {
  at,
  clientOf,
  endHolds,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  testDate,
} from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ env: { DATABASE_POOL: '20' } })
})
afterAll(stopTestServers)

test('an event and a hold never overlap on any unit of a space', async () => {
  const space = await makeSpace(server, { units: 3, bufferMinutes: 30 })
  const [ada, bob] = await makePeople(server, 2)
  if (!ada || !bob) throw new Error('makePeople returned too few users')
  const { locationId } = space
  const here = { locationId, spaceId: space.id }
  const hold = await clientOf(server, bob).slots.hold.mutate({ slotId: `${space.id}@${at(10)}` })
  expect(await reasonOf(makeEvent(server, ada, here))).toBe('SLOT_TAKEN')
  expect((await clientOf(server).events.list.query({ locationId })).items).toEqual([])
  await clientOf(server, bob).bookings.cancel.mutate({ id: hold.id })

  const board = await openSocket(server)
  board.send({ type: 'join_space', spaceId: space.id, date: testDate })
  await board.next('slots_status_update')
  const event = await makeEvent(server, ada, here)
  const update = await board.next('slot_update', ({ cause }) => cause === 'booked')
  // The buffers of the event reach into one more slot on each side.
  expect(update.slots.map(({ startsAt, status }) => [startsAt, status])).toEqual(
    [8, 9, 10, 11].map((hour) => [at(hour), 'booked']),
  )
  for (const hour of [8, 9, 10, 11])
    expect(
      await reasonOf(clientOf(server, bob).slots.hold.mutate({ slotId: `${space.id}@${at(hour)}` })),
    ).toBe('SLOT_TAKEN')
  const other = await clientOf(server, bob).slots.hold.mutate({ slotId: `${space.id}@${at(14)}` })
  expect(
    await reasonOf(clientOf(server, bob).bookings.reschedule.mutate({ id: other.id, startsAt: at(10) })),
  ).toBe('SLOT_TAKEN')
  expect(await reasonOf(makeEvent(server, ada, { ...here, startsAt: at(10), endsAt: at(12) }))).toBe(
    'SLOT_TAKEN',
  )
  const change = { id: event.id, startsAt: at(14), endsAt: at(15) }
  expect(await reasonOf(clientOf(server, ada).events.update.mutate(change))).toBe('SLOT_TAKEN')
  expect(await clientOf(server).events.byId.query({ id: event.id })).toMatchObject({
    startsAt: at(9),
    spaceId: space.id,
  })

  await clientOf(server, ada).events.update.mutate({ id: event.id, startsAt: at(17), endsAt: at(19) })
  const slots = async () =>
    (await clientOf(server).slots.day.query({ spaceId: space.id, date: testDate })).slots.map(
      ({ free }) => free,
    )
  expect([(await slots())[9], (await slots())[17], (await slots())[18]]).toEqual([3, 0, 0])
  await clientOf(server, ada).events.remove.mutate({ id: event.id })
  expect((await slots())[17]).toBe(3)
  await board.close()
})

test('a stale hold does not block an event', async () => {
  const space = await makeSpace(server)
  const [ada, bob] = await makePeople(server, 2)
  if (!ada || !bob) throw new Error('makePeople returned too few users')
  const hold = await clientOf(server, bob).slots.hold.mutate({ slotId: `${space.id}@${at(10)}` })
  await endHolds(server, space.id)
  await makeEvent(server, ada, { locationId: space.locationId, spaceId: space.id })
  expect(await clientOf(server, bob).bookings.byId.query({ id: hold.id })).toMatchObject({
    status: 'expired',
  })
})

test('racing holds and events never overlap and never deadlock', async () => {
  const random = randomFrom('holds against events')
  const { locationId } = await makeSpace(server)
  const rooms = await Promise.all([1, 2, 3].map((units) => makeSpace(server, { locationId, units })))
  const racers = await makePeople(server, 12)
  const reasons = await Promise.all(
    Array.from({ length: sized(120, 1000) }, async () => {
      const client = clientOf(server, random.pick(racers))
      const [spaceId, hour] = [random.pick(rooms).id, random.below(8)]
      const [startsAt, endsAt] = [at(hour), at(hour + 1 + random.below(3))]
      if (random.chance(0.5)) return reasonOf(client.bookings.create.mutate({ spaceId, startsAt }))
      const creating = client.events.create.mutate({ locationId, spaceId, title: 'Race', startsAt, endsAt })
      const event = await creating.catch(() => null)
      if (!event) return reasonOf(creating)
      if (random.chance(0.5)) return reasonOf(client.events.remove.mutate({ id: event.id }))
      return reasonOf(client.events.update.mutate({ id: event.id, spaceId: random.pick(rooms).id }))
    }),
  )
  const expected = ['was not refused', 'SLOT_TAKEN', 'TOO_MANY_HOLDS']
  expect([...new Set(reasons)].filter((reason) => !expected.includes(reason))).toEqual([])
  const clashes = await server.deps.db.execute(sql`
    SELECT FROM bookings a JOIN bookings b ON a.space_id = b.space_id AND a.id < b.id AND a.claimed && b.claimed
    WHERE a.location_id = ${locationId} AND a.status IN ('held', 'confirmed') AND b.status IN ('held', 'confirmed')
      AND (a.unit = b.unit OR (a.kind = 'event' AND a.event_id IS DISTINCT FROM b.event_id)
           OR (b.kind = 'event' AND a.event_id IS DISTINCT FROM b.event_id))`)
  expect(clashes).toHaveLength(0)
  const partial = await server.deps.db.execute(sql`
    SELECT e.id FROM events e JOIN spaces s ON s.id = e.space_id LEFT JOIN bookings b ON b.event_id = e.id
    WHERE e.location_id = ${locationId} GROUP BY e.id, s.id
    HAVING count(b.id) <> s.units OR NOT bool_and(b.space_id = e.space_id AND b.starts_at = e.starts_at AND b.ends_at = e.ends_at)`)
  expect(partial).toHaveLength(0)
}, 60_000)

test('the claim of an event cannot be listed, read, cancelled or rescheduled', async () => {
  const space = await makeSpace(server)
  const [ada, admin] = [await makePerson(server), await makePerson(server, 'admin')]
  const event = await makeEvent(server, ada, { locationId: space.locationId, spaceId: space.id })
  const [claim] = await server.deps.db.select().from(bookings).where(eq(bookings.eventId, event.id))
  const id = claim?.id ?? ''
  for (const client of [clientOf(server, ada), clientOf(server, admin)]) {
    expect((await client.bookings.list.query({ as: 'customer' })).items).toEqual([])
    expect(await reasonOf(client.bookings.byId.query({ id }))).toBe('NOT_FOUND')
    expect(await reasonOf(client.bookings.cancel.mutate({ id }))).toBe('NOT_FOUND')
    expect(await reasonOf(client.bookings.noShow.mutate({ id }))).toBe('NOT_FOUND')
    expect(await reasonOf(client.bookings.reschedule.mutate({ id, startsAt: at(15) }))).toBe('NOT_FOUND')
    expect(await reasonOf(client.checkIns.checkIn.mutate({ bookingId: id }))).toBe('NOT_FOUND')
  }
})

test('the end of an event notifies no one of a completed booking', async () => {
  const space = await makeSpace(server, { units: 3 })
  const ada = await makePerson(server)
  const event = await makeEvent(server, ada, { locationId: space.locationId, spaceId: space.id })
  await server.deps.db.execute(sql`
    UPDATE bookings SET starts_at = now() - interval '3 hours', ends_at = now() - interval '1 hour',
      claimed = tstzrange(now() - interval '3 hours', now() - interval '1 hour') WHERE event_id = ${event.id}`)
  expect(await completePastBookings(server.deps)).toBe(3)
  expect(await rowsFor(server, ada)).toEqual([])
})

test('an event claims units added to its space, and its units cannot be removed', async () => {
  const space = await makeSpace(server, { units: 2 })
  const [ada, admin] = [await makePerson(server), clientOf(server, await makePerson(server, 'admin'))]
  const event = await makeEvent(server, ada, { locationId: space.locationId, spaceId: space.id })
  await admin.spaces.update.mutate({ id: space.id, units: 4 })
  expect(await reasonOf(clientOf(server, ada).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` }))).toBe(
    'SLOT_TAKEN',
  )
  expect(await reasonOf(admin.spaces.update.mutate({ id: space.id, units: 1 }))).toBe('INVALID_STATE')
  expect(await reasonOf(admin.locations.remove.mutate({ id: space.locationId }))).toBe('INVALID_STATE')
  await clientOf(server, ada).events.remove.mutate({ id: event.id })
  expect(await admin.spaces.update.mutate({ id: space.id, units: 1 })).toMatchObject({ units: 1 })
})

test('an organiser can extend a running event by free slots', async () => {
  const ada = await makePerson(server)
  const space = await makeSpace(server)
  const { id } = await makeEvent(server, ada, { locationId: space.locationId, spaceId: space.id })
  const hour = 3_600_000
  // Avoids an hour that ends during the test.
  const thisHour = Math.floor((Date.now() + 60_000) / hour) * hour
  const times = { startsAt: new Date(thisHour - hour), endsAt: new Date(thisHour + hour) }
  await server.deps.db.update(events).set(times).where(eq(events.id, id))
  await server.deps.db
    .update(bookings)
    .set({ ...times, claimed: range({ from: thisHour - hour, to: thisHour + hour }) })
    .where(eq(bookings.eventId, id))
  const endAfter = (hours: number) =>
    clientOf(server, ada).events.update.mutate({
      id,
      endsAt: new Date(thisHour + hours * hour).toISOString(),
    })
  expect(await reasonOf(endAfter(1.5))).toBe('OFF_GRID')
  expect(await reasonOf(endAfter(2))).toBe('was not refused')
  const slotId = `${space.id}@${new Date(thisHour + hour).toISOString().replace('.000', '')}`
  const bob = clientOf(server, await makePerson(server))
  expect(await reasonOf(bob.slots.hold.mutate({ slotId }))).toBe('SLOT_TAKEN')
  expect(await reasonOf(endAfter(1))).toBe('was not refused')
  expect(await reasonOf(bob.slots.hold.mutate({ slotId }))).toBe('was not refused')
})

test('users claim only bookable times without a price for events, admins any time', async () => {
  const priced = await makeSpace(server, { priceMinor: 1000 })
  const ada = await makePerson(server)
  const here = { locationId: priced.locationId }
  expect(await reasonOf(makeEvent(server, ada, { ...here, spaceId: priced.id }))).toBe('NOT_ALLOWED')
  const free = await makeSpace(server, { ...here, maxSlots: 2 })
  const half = { startsAt: at(9.5), endsAt: at(10.5), spaceId: free.id }
  expect(await reasonOf(makeEvent(server, ada, { ...here, ...half }))).toBe('OFF_GRID')
  expect(await reasonOf(makeEvent(server, ada, { ...here, spaceId: free.id, endsAt: at(12) }))).toBe(
    'TOO_LONG',
  )
  const admin = await makePerson(server, 'admin')
  await makeEvent(server, admin, { ...here, ...half })
  await makeEvent(server, admin, { ...here, spaceId: priced.id })
})
