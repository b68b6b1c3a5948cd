import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import ICAL from 'ical.js'
import { violates } from '../src/db/errors'
import { bookings, eventAttendees, events } from '../src/db/schema'
import { seedDatabase } from '../src/seed'
import type { RunningServer } from '../src/server'
import { remindAttendees } from '../src/services/attendance'
import type { Event } from '../src/shapes/events'
import { captureLog } from './support/logs'
import { randomFrom, sized } from './support/proof'
import { openSocket, type SocketClient } from './support/socket'
import {
  at,
  clientOf,
  endHolds,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  type TestPerson,
  testDate,
  until,
} from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ env: { DATABASE_POOL: '20' } })
})
afterAll(stopTestServers)

type Settings = Partial<Parameters<ReturnType<typeof clientOf>['events']['create']['mutate']>[0]>

/** An event of a location of its own, unless asked otherwise. */
async function makeEvent(maker: TestPerson, settings: Settings = {}): Promise<Event> {
  const locationId = settings.locationId ?? (await makeSpace(server)).locationId
  return clientOf(server, maker).events.create.mutate({
    locationId,
    title: 'Breakfast',
    startsAt: at(9),
    endsAt: at(11),
    ...settings,
  })
}

const people = (count: number) => Promise.all(Array.from({ length: count }, () => makePerson(server)))
const noticesOf = (socket: SocketClient, eventId: string) =>
  socket.received.flatMap((m) => (m.type === 'notification' && m.eventId === eventId ? [m.kind] : []))
const statusesOf = async (eventId: string) =>
  server.deps.db
    .select()
    .from(eventAttendees)
    .where(eq(eventAttendees.eventId, eventId))
    .orderBy(eventAttendees.position)

test('an event is announced, found, changed and cancelled, and its maker attends from the start', async () => {
  const [ada, bob] = await people(2)
  if (!ada || !bob) throw new Error('nobody is there')
  const event = await makeEvent(ada, { text: 'Croissants', capacity: 10 })
  expect(event).toMatchObject({
    attending: 1,
    waiting: 0,
    mine: 'attending',
    organiserId: ada.id,
    capacity: 10,
  })
  const later = await makeEvent(ada, { locationId: event.locationId, startsAt: at(20), endsAt: at(21) })
  const sooner = await makeEvent(ada, { locationId: event.locationId, startsAt: at(7), endsAt: at(8) })

  const anyone = clientOf(server)
  const { locationId } = event
  const all = await anyone.events.list.query({ locationId })
  expect(all.items.map(({ id }) => id)).toEqual([sooner.id, event.id, later.id])
  const first = await anyone.events.list.query({ locationId, limit: 2 })
  const rest = await anyone.events.list.query({ locationId, limit: 2, cursor: first.nextCursor ?? undefined })
  expect([...first.items, ...rest.items]).toEqual(all.items)
  const between = await anyone.events.list.query({ locationId, from: at(8), to: at(20) })
  expect(between.items.map(({ id }) => id)).toEqual([event.id])

  const changed = await clientOf(server, ada).events.update.mutate({ id: event.id, title: 'Brunch' })
  expect(changed).toEqual({ ...event, title: 'Brunch' })
  expect(await clientOf(server, bob).events.byId.query({ id: event.id })).toMatchObject({
    title: 'Brunch',
    mine: null,
  })
  expect(await clientOf(server, ada).events.remove.mutate({ id: event.id })).toEqual({ ok: true })
  expect(await reasonOf(anyone.events.byId.query({ id: event.id }))).toBe('NOT_FOUND')
  expect(await statusesOf(event.id)).toEqual([])
})

test('what is for members is there for nobody else, live or not', async () => {
  const ada = await makePerson(server)
  const open = await makeEvent(ada)
  const { locationId } = open
  const [stranger, member] = [await openSocket(server), await openSocket(server, ada.token)]
  for (const socket of [stranger, member]) {
    socket.send({ type: 'join_location', locationId })
    await socket.next('initial')
  }
  const closed = await makeEvent(ada, { locationId, visibility: 'members', startsAt: at(12), endsAt: at(13) })
  expect((await member.next('events')).events.map(({ id }) => id)).toEqual([open.id, closed.id])
  expect((await stranger.next('events')).events.map(({ id }) => id)).toEqual([open.id])
  const anyone = clientOf(server)
  expect((await anyone.events.list.query({ locationId })).items.map(({ id }) => id)).toEqual([open.id])
  expect(await reasonOf(anyone.events.byId.query({ id: closed.id }))).toBe('NOT_FOUND')
  expect((await fetch(`${server.url}/api/events/${closed.id}/calendar.ics`)).status).toBe(404)
  await Promise.all([stranger.close(), member.close()])
})

test('who finds an event full waits, moves up in order when a place is free, and is told once', async () => {
  const [ada, bob, cyd, dan] = await people(4)
  if (!ada || !bob || !cyd || !dan) throw new Error('nobody is there')
  const event = await makeEvent(ada, { capacity: 2 })
  const { id } = event
  const attend = (person: TestPerson, wait?: boolean) =>
    clientOf(server, person).events.attend.mutate({ id, wait })
  expect(await attend(bob)).toMatchObject({ mine: 'attending', attending: 2, waiting: 0 })
  expect(await attend(bob)).toMatchObject({ mine: 'attending', attending: 2, waiting: 0 })
  expect(await reasonOf(attend(cyd, false))).toBe('EVENT_FULL')
  expect(await attend(cyd)).toMatchObject({ mine: 'waiting', attending: 2, waiting: 1 })
  expect(await attend(dan)).toMatchObject({ mine: 'waiting', attending: 2, waiting: 2 })

  const [forCyd, forDan] = [await openSocket(server, cyd.token), await openSocket(server, dan.token)]
  expect(await clientOf(server, bob).events.leave.mutate({ id })).toMatchObject({
    mine: null,
    attending: 2,
    waiting: 1,
  })
  expect(await reasonOf(clientOf(server, bob).events.leave.mutate({ id }))).toBe('NOT_FOUND')
  expect(await clientOf(server, cyd).events.byId.query({ id })).toMatchObject({ mine: 'attending' })
  await forCyd.next('notification', ({ kind }) => kind === 'event_place')

  expect(await reasonOf(clientOf(server, ada).events.update.mutate({ id, capacity: 1 }))).toBe(
    'INVALID_STATE',
  )
  const roomier = await clientOf(server, ada).events.update.mutate({ id, capacity: null })
  expect(roomier).toMatchObject({ attending: 3, waiting: 0, capacity: null })
  await forDan.next('notification', ({ kind }) => kind === 'event_place')
  expect(noticesOf(forCyd, id)).toEqual(['event_place'])
  expect(noticesOf(forDan, id)).toEqual(['event_place'])
  await Promise.all([forCyd.close(), forDan.close()])
})

test('many people race for few places while others leave: never too many, the wait in order, each told once', async () => {
  const [count, capacity] = [sized(90, 300), sized(15, 50)]
  const random = randomFrom('race for places')
  const maker = await makePerson(server)
  const { id } = await makeEvent(maker, { capacity })
  const racers = await people(count)
  const sockets = await Promise.all(racers.map(({ token }) => openSocket(server, token)))
  let racing = true
  let most = 0
  const counting = (async () => {
    while (racing) {
      const [row] = await server.deps.db.execute<{ count: number }>(
        sql`SELECT count(*)::int AS count FROM event_attendees WHERE event_id = ${id} AND status = 'attending'`,
      )
      most = Math.max(most, row?.count ?? 0)
    }
  })()
  const outcomes = await Promise.all(
    racers.map(async (person) => {
      const client = clientOf(server, person)
      const { mine } = await client.events.attend.mutate({ id })
      const leaves = random.chance(0.3)
      if (leaves) await client.events.leave.mutate({ id })
      return { person, mine, leaves }
    }),
  )
  racing = false
  await counting
  expect(most).toBe(capacity)

  const rows = await statusesOf(id)
  const attending = rows.filter(({ status }) => status === 'attending')
  const waiting = rows.filter(({ status }) => status === 'waiting')
  const staying = outcomes.filter(({ leaves }) => !leaves)
  expect(rows.map(({ userId }) => userId).sort()).toEqual(
    [maker.id, ...staying.map(({ person }) => person.id)].sort(),
  )
  expect(attending).toHaveLength(Math.min(capacity, rows.length))
  // Whoever waits came later than everyone who attends.
  expect(Math.max(...attending.map(({ position }) => position))).toBeLessThan(
    Math.min(...waiting.map(({ position }) => position)),
  )
  const event = await clientOf(server).events.byId.query({ id })
  expect(event).toMatchObject({ attending: attending.length, waiting: waiting.length })

  // A notice for everyone marks the end of what was said before.
  await clientOf(server, maker).events.update.mutate({ id, title: 'The end' })
  const ids = new Set(attending.map(({ userId }) => userId))
  for (const [index, { person, mine, leaves }] of outcomes.entries()) {
    const socket = sockets[index]
    if (!socket) throw new Error('a socket is missing')
    if (!leaves) await socket.next('notification', ({ kind }) => kind === 'event_changed')
    const told = noticesOf(socket, id).filter((kind) => kind === 'event_place').length
    if (!leaves)
      expect([person.id, told]).toEqual([person.id, mine === 'waiting' && ids.has(person.id) ? 1 : 0])
    else expect(told).toBeLessThanOrEqual(1)
  }
  await Promise.all(sockets.map((socket) => socket.close()))
}, 60_000)

test('the database itself refuses one attendee too many', async () => {
  const [ada, bob] = await people(2)
  if (!ada || !bob) throw new Error('nobody is there')
  const { id } = await makeEvent(ada, { capacity: 1 })
  const tooMany = server.deps.db
    .insert(eventAttendees)
    .values({ eventId: id, userId: bob.id, status: 'attending' })
  const error = await tooMany.then(() => undefined).catch((thrown: unknown) => thrown)
  expect(violates(error, 'events_capacity_kept')).toBe(true)
})

test('an event over a held slot is refused, and a hold over an event is refused, in every unit', async () => {
  const space = await makeSpace(server, { units: 3, bufferMinutes: 30 })
  const [ada, bob] = await people(2)
  if (!ada || !bob) throw new Error('nobody is there')
  const { locationId } = space
  const here = { locationId, spaceId: space.id }
  const hold = await clientOf(server, bob).slots.hold.mutate({ slotId: `${space.id}@${at(10)}` })
  expect(await reasonOf(makeEvent(ada, here))).toBe('SLOT_TAKEN')
  expect((await clientOf(server).events.list.query({ locationId })).items).toEqual([])
  await clientOf(server, bob).bookings.cancel.mutate({ id: hold.id })

  const board = await openSocket(server)
  board.send({ type: 'join_space', spaceId: space.id, date: testDate })
  await board.next('slots_status_update')
  const event = await makeEvent(ada, here)
  const update = await board.next('slot_update', ({ cause }) => cause === 'booked')
  // The buffer on both sides of the event reaches into one slot more on each.
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
  expect(await reasonOf(makeEvent(ada, { ...here, startsAt: at(10), endsAt: at(12) }))).toBe('SLOT_TAKEN')
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

test('a hold that has ended is not in the way of an event', async () => {
  const space = await makeSpace(server)
  const [ada, bob] = await people(2)
  if (!ada || !bob) throw new Error('nobody is there')
  const hold = await clientOf(server, bob).slots.hold.mutate({ slotId: `${space.id}@${at(10)}` })
  await endHolds(server, space.id)
  await makeEvent(ada, { locationId: space.locationId, spaceId: space.id })
  expect(await clientOf(server, bob).bookings.byId.query({ id: hold.id })).toMatchObject({
    status: 'expired',
  })
})

test('holds and events race for the same rooms: each time has one of the two, and nothing waits for ever', async () => {
  const random = randomFrom('holds against events')
  const { locationId } = await makeSpace(server)
  const rooms = await Promise.all([1, 2, 3].map((units) => makeSpace(server, { locationId, units })))
  const racers = await people(12)
  const reasons = await Promise.all(
    Array.from({ length: sized(120, 1000) }, async () => {
      const client = clientOf(server, random.pick(racers))
      const [spaceId, hour] = [random.pick(rooms).id, random.below(8)]
      const [startsAt, endsAt] = [at(hour), at(hour + 1 + random.below(3))]
      if (random.chance(0.5)) return reasonOf(client.bookings.create.mutate({ spaceId, startsAt }))
      const made = client.events.create.mutate({ locationId, spaceId, title: 'Race', startsAt, endsAt })
      const event = await made.catch(() => null)
      if (!event) return reasonOf(made)
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

test('an event’s claim is nobody’s booking: not listed, not seen, not cancelled, not moved', async () => {
  const space = await makeSpace(server)
  const [ada, admin] = [await makePerson(server), await makePerson(server, 'admin')]
  const event = await makeEvent(ada, { locationId: space.locationId, spaceId: space.id })
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

test('units that a space gains during an event are the event’s too, and it cannot lose those that the event has', async () => {
  const space = await makeSpace(server, { units: 2 })
  const [ada, admin] = [await makePerson(server), clientOf(server, await makePerson(server, 'admin'))]
  const event = await makeEvent(ada, { locationId: space.locationId, spaceId: space.id })
  await admin.spaces.update.mutate({ id: space.id, units: 4 })
  expect(await reasonOf(clientOf(server, ada).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` }))).toBe(
    'SLOT_TAKEN',
  )
  expect(await reasonOf(admin.spaces.update.mutate({ id: space.id, units: 1 }))).toBe('INVALID_STATE')
  expect(await reasonOf(admin.locations.remove.mutate({ id: space.locationId }))).toBe('INVALID_STATE')
  await clientOf(server, ada).events.remove.mutate({ id: event.id })
  expect(await admin.spaces.update.mutate({ id: space.id, units: 1 })).toMatchObject({ units: 1 })
})

test('a member claims only what is free of charge and could be held; an admin any time', async () => {
  const priced = await makeSpace(server, { priceMinor: 1000 })
  const ada = await makePerson(server)
  const here = { locationId: priced.locationId }
  expect(await reasonOf(makeEvent(ada, { ...here, spaceId: priced.id }))).toBe('NOT_ALLOWED')
  const free = await makeSpace(server, { ...here, maxSlots: 2 })
  const half = { startsAt: at(9.5), endsAt: at(10.5), spaceId: free.id }
  expect(await reasonOf(makeEvent(ada, { ...here, ...half }))).toBe('OFF_GRID')
  expect(await reasonOf(makeEvent(ada, { ...here, spaceId: free.id, endsAt: at(12) }))).toBe('TOO_LONG')
  const admin = await makePerson(server, 'admin')
  await makeEvent(admin, { ...here, ...half })
  await makeEvent(admin, { ...here, spaceId: priced.id })
})

test('bad input is refused in words and leaves nothing behind', async () => {
  const ada = await makePerson(server)
  const [here, there] = [await makeSpace(server), await makeSpace(server)]
  const { locationId } = here
  const refused: [Settings, string][] = [
    [{ startsAt: at(11), endsAt: at(11) }, 'VALIDATION'],
    [{ startsAt: '2020-01-01T09:00:00Z', endsAt: '2020-01-01T10:00:00Z' }, 'SLOT_PAST'],
    [{ endsAt: at(24 * 15) }, 'TOO_LONG'],
    [{ capacity: 0 }, 'VALIDATION'],
    [{ title: ' ' }, 'VALIDATION'],
    [{ priceMinor: -1 }, 'VALIDATION'],
    [{ spaceId: there.id }, 'NOT_FOUND'],
    [{ spaceId: Bun.randomUUIDv7() }, 'NOT_FOUND'],
    [{ locationId: Bun.randomUUIDv7() }, 'NOT_FOUND'],
  ]
  for (const [settings, reason] of refused)
    expect([settings, await reasonOf(makeEvent(ada, { locationId, ...settings }))]).toEqual([
      settings,
      reason,
    ])
  expect(
    (await clientOf(server).events.list.query({ locationId, from: '2000-01-01T00:00:00Z' })).items,
  ).toEqual([])
  const event = await makeEvent(ada, { locationId })
  const changes: [Partial<Settings>, string][] = [
    [{ endsAt: at(8) }, 'VALIDATION'],
    [{ startsAt: '2020-01-01T09:00:00Z' }, 'TOO_LONG'],
    [{ spaceId: there.id }, 'NOT_FOUND'],
    [{ spaceId: Bun.randomUUIDv7() }, 'NOT_FOUND'],
  ]
  for (const [change, reason] of changes)
    expect([
      change,
      await reasonOf(clientOf(server, ada).events.update.mutate({ id: event.id, ...change })),
    ]).toEqual([change, reason])
  expect(await clientOf(server, ada).events.byId.query({ id: event.id })).toEqual(event)
})

test('an event that is over is as it was: nobody comes, goes or changes it', async () => {
  const [ada, bob] = await people(2)
  if (!ada || !bob) throw new Error('nobody is there')
  const { id } = await makeEvent(ada)
  const past = { startsAt: sql`now() - interval '2 hours'`, endsAt: sql`now() - interval '1 hour'` }
  await server.deps.db.update(events).set(past).where(eq(events.id, id))
  expect(await reasonOf(clientOf(server, bob).events.attend.mutate({ id }))).toBe('TOO_LATE')
  expect(await reasonOf(clientOf(server, ada).events.leave.mutate({ id }))).toBe('TOO_LATE')
  expect(await reasonOf(clientOf(server, ada).events.update.mutate({ id, title: 'No' }))).toBe('TOO_LATE')
})

test('nobody gets into an event with a price without paying', async () => {
  const [ada, bob] = await people(2)
  if (!ada || !bob) throw new Error('nobody is there')
  const { id } = await makeEvent(ada, { priceMinor: 500 })
  expect(await reasonOf(clientOf(server, bob).events.attend.mutate({ id }))).toBe('PAYMENT_REQUIRED')
  expect(await statusesOf(id)).toHaveLength(1)
})

test('a change and a cancellation tell everyone who attends or waits, and nobody else', async () => {
  const [ada, bob, cyd, dan] = await people(4)
  if (!ada || !bob || !cyd || !dan) throw new Error('nobody is there')
  const { id } = await makeEvent(ada, { capacity: 2 })
  for (const person of [bob, cyd]) await clientOf(server, person).events.attend.mutate({ id })
  const sockets = await Promise.all([ada, bob, cyd, dan].map(({ token }) => openSocket(server, token)))
  await clientOf(server, ada).events.update.mutate({ id, startsAt: at(10), endsAt: at(12) })
  await clientOf(server, ada).events.update.mutate({ id, visibility: 'members' })
  await clientOf(server, ada).events.remove.mutate({ id })
  const [forAda, forBob, forCyd, forDan] = sockets
  for (const socket of [forBob, forCyd]) {
    const { text } = (await socket?.next('notification', ({ kind }) => kind === 'event_cancelled')) ?? {
      text: '',
    }
    expect(text).toContain('2027-01-04 10:00')
    expect(socket && noticesOf(socket, id)).toEqual(['event_changed', 'event_cancelled'])
  }
  for (const socket of [forAda, forDan]) expect(socket && noticesOf(socket, id)).toEqual([])
  await Promise.all(sockets.map((socket) => socket.close()))
})

test('attendees are reminded a day and an hour before, each once, on however many servers', async () => {
  const [ada, bob, cyd] = await people(3)
  if (!ada || !bob || !cyd) throw new Error('nobody is there')
  const { id } = await makeEvent(ada, { capacity: 2 })
  for (const person of [bob, cyd]) await clientOf(server, person).events.attend.mutate({ id })
  const sockets = await Promise.all([ada, bob, cyd].map(({ token }) => openSocket(server, token)))
  const remind = async () => {
    const counts = await Promise.all([1, 2, 3].map(() => remindAttendees(server.deps)))
    return counts.reduce((sum, count) => sum + count, 0)
  }
  const begins = (minutes: number) =>
    server.deps.db
      .update(events)
      .set({
        startsAt: sql`now() + make_interval(mins => ${minutes}::int)`,
        endsAt: sql`now() + make_interval(mins => ${minutes + 60}::int)`,
      })
      .where(eq(events.id, id))
  await server.deps.db
    .update(eventAttendees)
    .set({ createdAt: sql`now() - interval '2 days'` })
    .where(eq(eventAttendees.eventId, id))
  const counts = []
  for (const minutes of [25 * 60, 23 * 60, 22 * 60, 59, 10]) {
    await begins(minutes)
    counts.push(await remind())
  }
  expect(counts).toEqual([0, 2, 0, 2, 0])
  const [forAda, forBob, forCyd] = sockets
  for (const socket of [forAda, forBob])
    expect(socket && noticesOf(socket, id)).toEqual(['event_reminder', 'event_reminder'])
  expect(forCyd && noticesOf(forCyd, id)).toEqual([])
  await Promise.all(sockets.map((socket) => socket.close()))
})

/** What a calendar program reads in a file: an entry for each thing, by its summary. */
function entriesOf(text: string) {
  const calendar = new ICAL.Component(ICAL.parse(text))
  return calendar.getAllSubcomponents('vevent').map((component) => {
    const event = new ICAL.Event(component)
    const [startsAt, endsAt] = [event.startDate.toJSDate(), event.endDate.toJSDate()].map((date) =>
      date.toISOString(),
    )
    return {
      summary: event.summary,
      text: event.description,
      startsAt,
      endsAt,
      status: component.getFirstPropertyValue('status'),
    }
  })
}

test('bookings and events are calendar files, and a feed that only its secret opens, until a new one ends it', async () => {
  const space = await makeSpace(server, { name: 'Sala; Leonardo, 1' })
  const [ada, bob] = await people(2)
  if (!ada || !bob) throw new Error('nobody is there')
  const client = clientOf(server, ada)
  const { id } = await client.bookings.create.mutate({
    spaceId: space.id,
    startsAt: at(15),
    notes: 'Bring\ncables',
  })
  const file = async (path: string, person?: TestPerson) => {
    const headers: Record<string, string> = person ? { authorization: `Bearer ${person.token}` } : {}
    const response = await fetch(`${server.url}/api${path}`, { headers })
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      text: await response.text(),
    }
  }
  await client.bookings.confirm.mutate({ id })
  const booked = {
    summary: 'Sala; Leonardo, 1',
    text: 'Bring\ncables',
    startsAt: '2027-01-04T15:00:00.000Z',
    endsAt: '2027-01-04T16:00:00.000Z',
    status: 'CONFIRMED',
  }
  const own = await file(`/bookings/${id}/calendar.ics`, ada)
  expect([own.status, own.type]).toEqual([200, 'text/calendar; charset=utf-8'])
  expect(entriesOf(own.text)).toEqual([booked])
  expect((await file(`/bookings/${id}/calendar.ics`, bob)).status).toBe(404)
  expect((await file(`/bookings/${id}/calendar.ics`)).status).toBe(401)
  expect(JSON.parse((await file('/bookings/nonsense/calendar.ics', ada)).text)).toMatchObject({
    reason: 'VALIDATION',
  })

  const event = await makeEvent(bob, { title: 'Talk', locationId: space.locationId })
  await client.events.attend.mutate({ id: event.id })
  expect(entriesOf((await file(`/events/${event.id}/calendar.ics`)).text)).toMatchObject([
    { summary: 'Talk' },
  ])

  const { secret, url } = await client.calendar.renew.mutate()
  expect(url).toBe(`/api/calendar/${secret}.ics`)
  const feed = await file(`/calendar/${secret}.ics`)
  expect(
    entriesOf(feed.text)
      .map(({ summary }) => summary)
      .sort(),
  ).toEqual(['Sala; Leonardo, 1', 'Talk'])
  await client.bookings.cancel.mutate({ id })
  expect(entriesOf((await file(`/calendar/${secret}.ics`)).text)).toHaveLength(1)
  expect(entriesOf((await file(`/bookings/${id}/calendar.ics`, ada)).text)).toMatchObject([
    { status: 'CANCELLED' },
  ])
  const renewed = await client.calendar.renew.mutate()
  expect((await file(`/calendar/${secret}.ics`)).status).toBe(404)
  expect((await file(`/calendar/${renewed.secret}`)).status).toBe(404)
  expect((await file(`/calendar/${renewed.secret}.ics`)).status).toBe(200)
  await client.auth.deleteMe.mutate()
  expect((await file(`/calendar/${renewed.secret}.ics`)).status).toBe(404)
})

test('a person who goes leaves the place to whoever waits, and the events to an admin, or cancels them', async () => {
  const alone = await startTestServer()
  const [ada, bob, cyd] = await Promise.all([1, 2, 3].map(() => makePerson(alone)))
  if (!ada || !bob || !cyd) throw new Error('nobody is there')
  const space = await makeSpace(alone)
  const details = { locationId: space.locationId, title: 'Talk', startsAt: at(9), endsAt: at(10) }
  const forCyd = await openSocket(alone, cyd.token)
  const bobs = await clientOf(alone, bob).events.create.mutate({ ...details, capacity: 2, spaceId: space.id })
  for (const person of [ada, cyd]) await clientOf(alone, person).events.attend.mutate({ id: bobs.id })
  const exported = await clientOf(alone, ada).auth.exportMe.query()
  expect(exported.events).toMatchObject([{ id: bobs.id, mine: 'attending' }])
  await clientOf(alone, ada).auth.deleteMe.mutate()
  expect(await clientOf(alone, cyd).events.byId.query({ id: bobs.id })).toMatchObject({
    mine: 'attending',
    attending: 2,
    waiting: 0,
  })
  await forCyd.next('notification', ({ kind }) => kind === 'event_place')

  // Without an admin the event is cancelled, and its room is free again.
  await clientOf(alone, bob).auth.deleteMe.mutate()
  await forCyd.next('notification', ({ kind }) => kind === 'event_cancelled')
  expect(await reasonOf(clientOf(alone, cyd).events.byId.query({ id: bobs.id }))).toBe('NOT_FOUND')
  const { slots } = await clientOf(alone).slots.day.query({ spaceId: space.id, date: testDate })
  expect(slots[9]).toMatchObject({ status: 'free' })

  const admin = await makePerson(alone, 'admin')
  const forAdmin = await openSocket(alone, admin.token)
  const dan = await makePerson(alone)
  const dans = await clientOf(alone, dan).events.create.mutate({ ...details, spaceId: space.id })
  await clientOf(alone, dan).auth.deleteMe.mutate()
  expect(await clientOf(alone).events.byId.query({ id: dans.id })).toMatchObject({
    organiserId: admin.id,
    attending: 0,
  })
  await forAdmin.next('notification', ({ kind }) => kind === 'event_passed_on')
  expect(await reasonOf(clientOf(alone, cyd).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` }))).toBe(
    'SLOT_TAKEN',
  )
  await clientOf(alone, admin).events.remove.mutate({ id: dans.id })
  await Promise.all([forCyd.close(), forAdmin.close()])
})

test('the demo data has five people who are here and three events, and seeding again changes nothing', async () => {
  const demo = await startTestServer({ env: { SEED: 'demo' } })
  const everything = () =>
    demo.deps.db.execute(sql`
      SELECT (SELECT json_agg(c ORDER BY c.id) FROM check_ins c) AS stays, (SELECT json_agg(e ORDER BY e.id) FROM events e) AS events,
        (SELECT json_agg(a ORDER BY a.position) FROM event_attendees a) AS attendees,
        (SELECT count(*) FROM bookings WHERE kind = 'event') AS claims`)
  const before = await everything()
  await seedDatabase(demo.deps)
  expect(await everything()).toEqual(before)
  const { items } = await clientOf(demo, await makePerson(demo)).events.list.query({})
  expect(items.map(({ attending, waiting, spaceId }) => [attending, waiting, spaceId !== null])).toEqual([
    [3, 0, false],
    [3, 1, false],
    [4, 0, true],
  ])
  expect(before[0]?.stays).toHaveLength(5)
})

test('admins who all leave at once leave no event behind that belongs to nobody', async () => {
  const alone = await startTestServer()
  const space = await makeSpace(alone)
  const admins = await Promise.all(Array.from({ length: 5 }, () => makePerson(alone, 'admin')))
  const details = { locationId: space.locationId, title: 'Talk' }
  for (const [hour, person] of admins.entries())
    await clientOf(alone, person).events.create.mutate({
      ...details,
      spaceId: space.id,
      startsAt: at(hour),
      endsAt: at(hour + 1),
    })
  const [stays, ...leaving] = admins
  const leave = (person: TestPerson) => clientOf(alone, person).auth.deleteMe.mutate()
  expect(await Promise.all(leaving.map(leave))).toEqual(leaving.map(() => ({ ok: true })))
  const { items } = await clientOf(alone).events.list.query({ locationId: space.locationId })
  expect(items.map(({ organiserId }) => organiserId)).toEqual(admins.map(() => stays?.id ?? ''))
  if (stays) await leave(stays)
  const left = await alone.deps.db.execute(sql`SELECT FROM events UNION ALL SELECT FROM bookings`)
  expect(left).toHaveLength(0)
})

test('no log line has the secret of a feed', async () => {
  const { log, text } = captureLog()
  const logged = await startTestServer({ log })
  const { secret, url } = await clientOf(logged, await makePerson(logged)).calendar.renew.mutate()
  expect((await fetch(logged.url + url)).status).toBe(200)
  expect((await fetch(`${logged.url + url}.ics`)).status).toBe(404)
  await until(() => text().includes('/api/calendar/…'))
  expect(text()).not.toContain(secret)
})
