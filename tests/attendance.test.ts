import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { violates } from '../src/db/errors'
import { eventAttendees, events } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { remindAttendees } from '../src/services/events/attendance'
import { attendeesOf, makeEvent, makePeople, noticesOf } from './support/events'
import { untilTold } from './support/notifications'
import { randomFrom, sized } from './support/proof'
import { openSocket } from './support/socket'
import {
  clientOf,
  makePerson,
  reasonOf,
  startTestServer,
  stopTestServers,
  type TestPerson,
  until,
} from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ env: { DATABASE_POOL: '20' }, queue: true })
})
afterAll(stopTestServers)

test('a full event has an ordered waitlist, and a promotion is notified once', async () => {
  const [ada, bob, cyd, dan] = await makePeople(server, 4)
  if (!ada || !bob || !cyd || !dan) throw new Error('makePeople returned too few users')
  const event = await makeEvent(server, ada, { capacity: 2 })
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

test('a race for seats never exceeds the capacity and promotes in order', async () => {
  const [count, capacity] = [sized(90, 300), sized(15, 50)]
  const random = randomFrom('race for places')
  const maker = await makePerson(server)
  const { id } = await makeEvent(server, maker, { capacity })
  const racers = await makePeople(server, count)
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

  const rows = await attendeesOf(server, id)
  const attending = rows.filter(({ status }) => status === 'attending')
  const waiting = rows.filter(({ status }) => status === 'waiting')
  const staying = outcomes.filter(({ leaves }) => !leaves)
  const isAttending = ({ id: userId }: { id: string }) => attending.some((row) => row.userId === userId)
  expect(rows.map(({ userId }) => userId).sort()).toEqual(
    [maker.id, ...staying.map(({ person }) => person.id)].sort(),
  )
  expect(attending).toHaveLength(Math.min(capacity, rows.length))
  expect(Math.max(...attending.map(({ position }) => position))).toBeLessThan(
    Math.min(...waiting.map(({ position }) => position)),
  )
  const event = await clientOf(server).events.byId.query({ id })
  expect(event).toMatchObject({ attending: attending.length, waiting: waiting.length })

  await untilTold(server)
  // Exactly the users who were promoted and stayed have one stored notification each.
  const stored = await server.deps.db.execute<{ userId: string; delivered: number; pending: number }>(sql`
    SELECT user_id AS "userId", count(told_at)::int AS delivered, count(*) FILTER (WHERE told_at IS NULL AND withdrawn_at IS NULL)::int AS pending
    FROM notifications WHERE event_id = ${id} AND kind = 'event_place' GROUP BY user_id`)
  const movedUp = staying.filter(({ mine, person }) => mine === 'waiting' && isAttending(person))
  expect(
    stored
      .filter(({ userId }) => staying.some(({ person }) => person.id === userId))
      .map(({ userId }) => userId)
      .sort(),
  ).toEqual(movedUp.map(({ person }) => person.id).sort())
  expect(stored.filter(({ delivered, pending }) => delivered > 1 || pending > 0)).toEqual([])
  // A notification to all attendees marks the end of the earlier ones.
  await clientOf(server, maker).events.update.mutate({ id, title: 'The end' })
  for (const [index, { person, mine, leaves }] of outcomes.entries()) {
    const socket = sockets[index]
    if (!socket) throw new Error('a socket is missing')
    if (!leaves) await socket.next('notification', ({ kind }) => kind === 'event_changed')
    const received = noticesOf(socket, id).filter((kind) => kind === 'event_place').length
    if (!leaves)
      expect([person.id, received]).toEqual([person.id, mine === 'waiting' && isAttending(person) ? 1 : 0])
    else expect(received).toBeLessThanOrEqual(1)
  }
  await Promise.all(sockets.map((socket) => socket.close()))
}, 60_000)

test('the database refuses an attendee beyond the capacity', async () => {
  const [ada, bob] = await makePeople(server, 2)
  if (!ada || !bob) throw new Error('makePeople returned too few users')
  const { id } = await makeEvent(server, ada, { capacity: 1 })
  const tooMany = server.deps.db
    .insert(eventAttendees)
    .values({ eventId: id, userId: bob.id, status: 'attending' })
  const error = await tooMany.then(() => undefined).catch((thrown: unknown) => thrown)
  expect(violates(error, 'events_capacity_kept')).toBe(true)
})

test('a past event cannot be joined, left or changed', async () => {
  const [ada, bob] = await makePeople(server, 2)
  if (!ada || !bob) throw new Error('makePeople returned too few users')
  const { id } = await makeEvent(server, ada)
  const past = { startsAt: sql`now() - interval '2 hours'`, endsAt: sql`now() - interval '1 hour'` }
  await server.deps.db.update(events).set(past).where(eq(events.id, id))
  expect(await reasonOf(clientOf(server, bob).events.attend.mutate({ id }))).toBe('TOO_LATE')
  expect(await reasonOf(clientOf(server, ada).events.leave.mutate({ id }))).toBe('TOO_LATE')
  expect(await reasonOf(clientOf(server, ada).events.update.mutate({ id, title: 'No' }))).toBe('TOO_LATE')
})

test('a priced event needs payment before a seat is confirmed', async () => {
  const [ada, bob] = await makePeople(server, 2)
  if (!ada || !bob) throw new Error('makePeople returned too few users')
  const { id } = await makeEvent(server, ada, { priceMinor: 500 })
  const { mine, attending, bookingId } = await clientOf(server, bob).events.attend.mutate({ id })
  expect([mine, attending]).toEqual(['held', 1])
  expect(await reasonOf(clientOf(server, bob).bookings.confirm.mutate({ id: bookingId ?? '' }))).toBe(
    'PAYMENT_REQUIRED',
  )
  expect((await attendeesOf(server, id)).map(({ status }) => status)).toEqual(['attending', 'held'])
})

test('attendees get one reminder a day before and one an hour before', async () => {
  const [ada, bob, cyd] = await makePeople(server, 3)
  if (!ada || !bob || !cyd) throw new Error('makePeople returned too few users')
  const { id } = await makeEvent(server, ada, { capacity: 2 })
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
    // Reminders for a time that has changed are never delivered.
    await untilTold(server)
  }
  expect(counts).toEqual([0, 2, 0, 2, 0])
  const [forAda, forBob, forCyd] = sockets
  for (const socket of [forAda, forBob])
    await until(() => socket && noticesOf(socket, id).join() === 'event_reminder,event_reminder')
  expect(forCyd && noticesOf(forCyd, id)).toEqual([])
  await Promise.all(sockets.map((socket) => socket.close()))
})
