import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { seedDatabase } from '../src/seed'
import type { RunningServer } from '../src/server'
import { readCommunity } from '../src/services/calendar/change-location'
import { attendeesOf, type EventSettings, makeEvent, makePeople, noticesOf } from './support/events'
import { untilTold } from './support/notifications'
import { openAtLocation, openSocket } from './support/socket'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  type TestPerson,
  testDate,
} from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ queue: true })
})
afterAll(stopTestServers)

test('an event is created, listed, changed and cancelled, and its organiser attends', async () => {
  const [ada, bob] = await makePeople(server, 2)
  if (!ada || !bob) throw new Error('makePeople returned too few users')
  const event = await makeEvent(server, ada, { text: 'Croissants', capacity: 10 })
  expect(event).toMatchObject({
    attending: 1,
    waiting: 0,
    mine: 'attending',
    organiserId: ada.id,
    capacity: 10,
  })
  const later = await makeEvent(server, ada, {
    locationId: event.locationId,
    startsAt: at(20),
    endsAt: at(21),
  })
  const sooner = await makeEvent(server, ada, {
    locationId: event.locationId,
    startsAt: at(7),
    endsAt: at(8),
  })

  const anyone = clientOf(server)
  const { locationId } = event
  const all = await anyone.events.list.query({ locationId })
  expect(all.items.map(({ id }) => id)).toEqual([sooner.id, event.id, later.id])
  const first = await anyone.events.list.query({ locationId, limit: 2 })
  const rest = await anyone.events.list.query({ locationId, limit: 2, cursor: first.nextCursor ?? undefined })
  expect([...first.items, ...rest.items]).toEqual(all.items)
  for (const cursor of [event.id, `999999999999999-${event.id}`])
    expect(await reasonOf(anyone.events.list.query({ locationId, cursor }))).toBe('VALIDATION')
  const between = await anyone.events.list.query({ locationId, from: at(8), to: at(20) })
  expect(between.items.map(({ id }) => id)).toEqual([event.id])

  const changed = await clientOf(server, ada).events.update.mutate({ id: event.id, title: 'Brunch' })
  expect(changed).toEqual({ ...event, title: 'Brunch' })
  expect(await clientOf(server, bob).events.byId.query({ id: event.id })).toMatchObject({
    title: 'Brunch',
    mine: null,
  })
  expect(await clientOf(server, ada).events.remove.mutate({ id: event.id })).toEqual({ ok: true })
  // A cursor remains valid after its event is removed.
  expect(await anyone.events.list.query({ locationId, cursor: first.nextCursor ?? undefined })).toEqual(rest)
  expect(await reasonOf(anyone.events.byId.query({ id: event.id }))).toBe('NOT_FOUND')
  expect(await attendeesOf(server, event.id)).toEqual([])
})

test('only the organiser and admins see the attendees and the waitlist, in order', async () => {
  const [ada, bob, cem, dan] = await makePeople(server, 4)
  if (!ada || !bob || !cem || !dan) throw new Error('makePeople returned too few users')
  const { id } = await makeEvent(server, ada, { capacity: 2 })
  for (const person of [bob, cem, dan]) await clientOf(server, person).events.attend.mutate({ id })
  await clientOf(server, cem).auth.update.mutate({ hidden: true })
  const { items, nextCursor } = await clientOf(server, ada).events.attendees.query({ id })
  expect(items.map(({ person, status }) => [person?.id, status])).toEqual([
    [ada.id, 'attending'],
    [bob.id, 'attending'],
    [undefined, 'waiting'],
    [dan.id, 'waiting'],
  ])
  expect(nextCursor).toBeNull()
  const admin = clientOf(server, await makePerson(server, 'admin'))
  const first = await admin.events.attendees.query({ id, limit: 3 })
  await clientOf(server, cem).events.leave.mutate({ id })
  const second = await admin.events.attendees.query({ id, limit: 3, cursor: first.nextCursor ?? undefined })
  expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(items.map(({ id }) => id))
  expect(await reasonOf(clientOf(server, bob).events.attendees.query({ id }))).toBe('NOT_ALLOWED')
  expect(await reasonOf(clientOf(server, ada).events.attendees.query({ id, cursor: 'x' }))).toBe('VALIDATION')
})

test('an organiser is notified of real changes, even without attending', async () => {
  const [ada] = await makePeople(server, 1)
  if (!ada) throw new Error('makePeople returned too few users')
  const admin = clientOf(server, await makePerson(server, 'admin'))
  const event = await makeEvent(server, ada, { text: 'Croissants' })
  const { id, locationId } = event
  await clientOf(server, ada).events.leave.mutate({ id })
  const socket = await openSocket(server, ada.token)
  const { version } = await readCommunity(server.deps.db, locationId)
  const { startsAt, endsAt, capacity, cancellation } = event
  await admin.events.update.mutate({ id })
  await admin.events.update.mutate({ id, text: 'Croissants', startsAt, endsAt, capacity, cancellation })
  expect((await readCommunity(server.deps.db, locationId)).version).toBe(version)
  // The currency of a free event is not a visible change.
  await admin.events.update.mutate({ id, currency: 'USD' })
  await admin.events.update.mutate({ id, currency: 'EUR' })
  await admin.events.update.mutate({ id, title: 'Brunch', startsAt: at(10), priceMinor: 500 })
  const { text } = await socket.next('notification', ({ kind }) => kind === 'event_changed')
  expect(text).toMatch(
    /^“Brunch” has changed\. It takes place on .*10:00 instead of .*09:00, at .*\. A seat now costs €5\.00\.$/,
  )
  await admin.events.remove.mutate({ id })
  await socket.next('notification', ({ kind }) => kind === 'event_cancelled')
  expect(noticesOf(socket, id)).toEqual(['event_changed', 'event_cancelled'])
  await socket.close()
})

test('a user has at most MAX_EVENTS_PER_PERSON future events, an admin any number', async () => {
  const few = await startTestServer({ env: { MAX_EVENTS_PER_PERSON: '3' } })
  const { locationId } = await makeSpace(few)
  const [ada, admin] = [await makePerson(few), await makePerson(few, 'admin')]
  const createSix = (person: TestPerson) =>
    Promise.all(Array.from({ length: 6 }, () => reasonOf(makeEvent(few, person, { locationId }))))
  expect((await createSix(ada)).sort()).toEqual([
    ...Array(3).fill('TOO_MANY_EVENTS'),
    ...Array(3).fill('was not refused'),
  ])
  expect(await createSix(admin)).toEqual(Array(6).fill('was not refused'))
  const own = clientOf(few, ada)
  const [first] = (await own.events.list.query({ locationId })).items.filter(
    ({ organiserId }) => organiserId === ada.id,
  )
  await own.events.remove.mutate({ id: first?.id ?? '' })
  expect(await reasonOf(makeEvent(few, ada, { locationId }))).toBe('was not refused')
})

test('events for members are hidden from signed-out users, also live', async () => {
  const ada = await makePerson(server)
  const open = await makeEvent(server, ada)
  const { locationId } = open
  const stranger = await openAtLocation(server, locationId)
  const member = await openAtLocation(server, locationId, ada.token)
  const closed = await makeEvent(server, ada, {
    locationId,
    visibility: 'members',
    startsAt: at(12),
    endsAt: at(13),
  })
  expect((await member.next('events')).events.map(({ id }) => id)).toEqual([open.id, closed.id])
  expect((await stranger.next('events')).events.map(({ id }) => id)).toEqual([open.id])
  const anyone = clientOf(server)
  expect((await anyone.events.list.query({ locationId })).items.map(({ id }) => id)).toEqual([open.id])
  expect(await reasonOf(anyone.events.byId.query({ id: closed.id }))).toBe('NOT_FOUND')
  expect((await fetch(`${server.url}/api/events/${closed.id}/calendar.ics`)).status).toBe(404)
  await Promise.all([stranger.close(), member.close()])
})

test('invalid events are refused with a reason and change nothing', async () => {
  const ada = await makePerson(server)
  const [here, there] = [await makeSpace(server), await makeSpace(server)]
  const { locationId } = here
  const refused: [EventSettings, string][] = [
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
    expect([settings, await reasonOf(makeEvent(server, ada, { locationId, ...settings }))]).toEqual([
      settings,
      reason,
    ])
  expect(
    (await clientOf(server).events.list.query({ locationId, from: '2000-01-01T00:00:00Z' })).items,
  ).toEqual([])
  const event = await makeEvent(server, ada, { locationId })
  const changes: [Partial<EventSettings>, string][] = [
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

test('a change or cancellation notifies exactly the attendees and the waitlist', async () => {
  const [ada, bob, cyd, dan] = await makePeople(server, 4)
  if (!ada || !bob || !cyd || !dan) throw new Error('makePeople returned too few users')
  const { id } = await makeEvent(server, ada, { capacity: 2 })
  for (const person of [bob, cyd]) await clientOf(server, person).events.attend.mutate({ id })
  const sockets = await Promise.all([ada, bob, cyd, dan].map(({ token }) => openSocket(server, token)))
  await clientOf(server, ada).events.update.mutate({ id, startsAt: at(10), endsAt: at(12) })
  await untilTold(server)
  await clientOf(server, ada).events.update.mutate({ id, visibility: 'members' })
  await clientOf(server, ada).events.remove.mutate({ id })
  const [forAda, forBob, forCyd, forDan] = sockets
  for (const socket of [forBob, forCyd]) {
    const { text } = (await socket?.next('notification', ({ kind }) => kind === 'event_cancelled')) ?? {
      text: '',
    }
    expect(text).toContain('Mon, 4 January 2027 at 10:00')
    expect(socket && noticesOf(socket, id)).toEqual(['event_changed', 'event_cancelled'])
  }
  for (const socket of [forAda, forDan]) expect(socket && noticesOf(socket, id)).toEqual([])
  await Promise.all(sockets.map((socket) => socket.close()))
})

test('a deleted account frees its seats and passes its events to an admin', async () => {
  const alone = await startTestServer({ queue: true })
  const [ada, bob, cyd] = await Promise.all([1, 2, 3].map(() => makePerson(alone)))
  if (!ada || !bob || !cyd) throw new Error('makePeople returned too few users')
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

  // Without an admin the event is cancelled and its room is freed.
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

test('the demo data has five check-ins and three events, and seeding is idempotent', async () => {
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

test('admins who are deleted at once leave no event without an organiser', async () => {
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
