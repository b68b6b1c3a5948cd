import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { systemContext } from '../src/context'
import { bookings, notificationDeliveries, notifications, users } from '../src/db/schema'
import { catalogues } from '../src/i18n'
import { KIND_NAMES } from '../src/schemas/notifications'
import type { RunningServer } from '../src/server'
import { deliverNotification } from '../src/services/delivery/deliver'
import { requeueLostWork } from '../src/services/jobs/jobs'
import { deleteOldNotifications } from '../src/services/notifications/notifications'
import { notify } from '../src/services/notifications/notify'
import { renderNotification } from '../src/services/notifications/render'
import { rowsFor, untilTold } from './support/notifications'
import { hasRedis, startRedis } from './support/redis'
import { openSocket, type SocketClient } from './support/socket'
import { makeSpecialist } from './support/specialists'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  type TestPerson,
  until,
} from './support/world'

let server: RunningServer
/** A server without queue workers: the test runs the deliveries. */
let still: RunningServer
beforeAll(async () => {
  server = await startTestServer({ queue: true })
  still = await startTestServer()
})
afterAll(stopTestServers)

async function book(on: RunningServer, person: TestPerson, settings: Parameters<typeof makeSpace>[1] = {}) {
  const space = await makeSpace(on, settings)
  const client = clientOf(on, person)
  const { id } = await client.bookings.create.mutate({ spaceId: space.id, startsAt: at(9) })
  return client.bookings.confirm.mutate({ id })
}

const kindsOn = ({ received }: SocketClient) =>
  received.flatMap((message) => (message.type === 'notification' ? [message.kind] : []))
const deliver = (on: RunningServer, notificationId: string) =>
  deliverNotification(systemContext(on.deps, 'clock'), { notificationId })

test('users page through their own notifications only, newest first', async () => {
  const [person, other] = [await makePerson(server), await makePerson(server)]
  const ids = []
  for (let made = 0; made < 3; made++) ids.unshift((await book(server, person)).id)
  await book(server, other)
  await untilTold(server)
  const client = clientOf(server, person)
  const first = await client.notifications.list.query({ limit: 2 })
  expect(first).toMatchObject({
    unread: 3,
    items: [
      { kind: 'booking_confirmed', bookingId: ids[0], eventId: null, readAt: null },
      { kind: 'booking_confirmed', bookingId: ids[1] },
    ],
  })
  const second = await client.notifications.list.query({ limit: 2, cursor: first.nextCursor ?? undefined })
  expect(second).toMatchObject({ items: [{ bookingId: ids[2] }], nextCursor: null })
  expect(first.items[0]?.text).toBe('Your booking is confirmed: Desk, House on Mon, 4 January 2027 at 09:00.')
})

test('every change of the unread count is pushed to all sockets of the user', async () => {
  const [person, stranger] = [await makePerson(server), await makePerson(server)]
  const client = clientOf(server, person)
  const sockets = [await openSocket(server, person.token), await openSocket(server, person.token)]
  for (let made = 0; made < 3; made++) await book(server, person)
  for (const socket of sockets) await socket.next('notifications_unread', ({ unread }) => unread === 3)
  const { items } = await client.notifications.list.query({})
  const [newest] = items
  if (!newest) throw new Error('the list of notifications is empty')
  for (const who of [stranger, person, person])
    await clientOf(server, who).notifications.markRead.mutate({ ids: [newest.id] })
  expect(await client.notifications.list.query({})).toMatchObject({
    unread: 2,
    items: [{ readAt: expect.any(String) }, { readAt: null }, { readAt: null }],
  })
  expect(await client.notifications.markRead.mutate({})).toEqual({ ok: true, unread: 0 })
  for (const socket of sockets) {
    await socket.next('notifications_unread', ({ unread }) => unread === 2)
    await socket.next('notifications_unread', ({ unread }) => unread === 0)
    await socket.close()
  }
})

test('a kind that is muted in the app is not pushed, and is listed as read', async () => {
  const person = await makePerson(server)
  const client = clientOf(server, person)
  const before = await client.notifications.preferences.query()
  expect(before.items.map(({ kind }) => kind)).toEqual([...KIND_NAMES])
  expect(before.items.find(({ kind }) => kind === 'reminder_hour')).toEqual({
    kind: 'reminder_hour',
    category: 'reminders',
    app: true,
    email: false,
    telegram: true,
  })
  const items = [
    { kind: 'booking_confirmed' as const, app: true },
    { kind: 'booking_confirmed' as const, app: false, telegram: false },
    { kind: 'event_place' as const, email: false },
  ]
  const after = await client.notifications.setPreferences.mutate({ items })
  expect(await client.notifications.setPreferences.mutate({ items })).toEqual(after)
  const differing = after.items.filter((item, index) => !Bun.deepEquals(item, before.items[index]))
  expect(differing).toEqual([
    { kind: 'booking_confirmed', category: 'bookings', app: false, email: true, telegram: false },
    { kind: 'event_place', category: 'events', app: true, email: false, telegram: true },
  ])
  const socket = await openSocket(server, person.token)
  const { id } = await book(server, person)
  await untilTold(server)
  await client.bookings.cancel.mutate({ id })
  await socket.next('notification', ({ kind }) => kind === 'booking_cancelled')
  expect(kindsOn(socket)).toEqual(['booking_cancelled'])
  expect(await client.notifications.list.query({})).toMatchObject({
    unread: 1,
    items: [
      { kind: 'booking_cancelled', readAt: null },
      { kind: 'booking_confirmed', readAt: expect.any(String) },
    ],
  })
  await socket.close()
})

test('texts use the reader’s current language and the location’s local time', async () => {
  const person = await makePerson(server)
  const { person: masseur, service } = await makeSpecialist(server, {
    timeZone: 'Europe/Rome',
    service: { name: 'Massage' },
  })
  await server.deps.db.update(users).set({ name: 'Bruno' }).where(eq(users.id, masseur.id))
  const client = clientOf(server, person)
  const { id } = await client.bookings.create.mutate({ serviceId: service.id, startsAt: at(9) })
  await client.bookings.confirm.mutate({ id })
  await notify(server.deps.db, {
    userId: person.id,
    kind: 'payment_received',
    bookingId: id,
    source: id,
    amountMinor: 123_450,
    currency: 'EUR',
  })
  const texts: Record<string, string[]> = {}
  for (const language of ['en', 'it', 'fr'] as const) {
    await client.auth.update.mutate({ language })
    const { items } = await client.notifications.list.query({})
    texts[language] = items.map(({ text }) => text.replace(/\s/g, ' '))
  }
  expect(texts).toEqual({
    en: [
      'We received €1,234.50 for Massage with Bruno on Mon, 4 January 2027 at 10:00. Thank you.',
      'Your booking is confirmed: Massage with Bruno on Mon, 4 January 2027 at 10:00.',
    ],
    it: [
      'Abbiamo ricevuto 1234,50 € per Massage con Bruno, lun 4 gennaio 2027 alle ore 10:00. Grazie.',
      'La prenotazione è confermata: Massage con Bruno, lun 4 gennaio 2027 alle ore 10:00.',
    ],
    fr: [
      'Nous avons reçu 1 234,50 € pour Massage avec Bruno, lun. 4 janvier 2027 à 10:00. Merci.',
      'Votre réservation est confirmée : Massage avec Bruno, lun. 4 janvier 2027 à 10:00.',
    ],
  })
})

test('every kind has its own complete text in every language', () => {
  const facts = {
    space: 'Desk',
    location: 'House',
    timeZone: 'UTC',
    startsAt: Date.parse(at(9)),
    answerBy: Date.parse(at(8)),
    formerly: Date.parse(at(7)),
    amountMinor: 500,
    currency: 'JPY',
  }
  const sentences = new Set<string>()
  for (const kind of KIND_NAMES)
    for (const language of Object.keys(catalogues) as (keyof typeof catalogues)[])
      for (const side of ['customer', 'specialist'] as const) {
        const told = { kind, facts: { ...facts, side }, customer: 'Ada', specialist: 'Bob' }
        const { subject, text } = renderNotification(told, language)
        expect(`${subject} ${text}`).not.toMatch(/undefined|\bnull\b|NaN|\[object|\s,|\s\.|: ,/)
        if (side === 'customer') sentences.add(text)
      }
  expect(sentences.size).toBe(KIND_NAMES.length * 3)
})

test('a transaction that rolls back sends no notification', async () => {
  const person = await makePerson(still)
  const booking = await book(still, person)
  const given = {
    userId: person.id,
    kind: 'payment_received' as const,
    bookingId: booking.id,
    source: 'never',
    amountMinor: 1,
    currency: 'EUR',
  }
  const rolledBack = still.deps.db.transaction(async (tx) => {
    expect(await notify(tx, given)).toBe(1)
    throw new Error('not so')
  })
  expect(await rolledBack.catch(({ message }: Error) => message)).toBe('not so')
  expect((await rowsFor(still, person)).map(({ kind }) => kind)).toEqual(['booking_confirmed'])
  const jobs = await still.deps.db.execute(
    sql`SELECT FROM graphile_worker.jobs WHERE key LIKE 'deliver-notification:%'`,
  )
  expect(jobs).toHaveLength(1)
})

test('a user is notified once per source, however often it is reported', async () => {
  const [person, other] = [await makePerson(still), await makePerson(still)]
  const booking = await book(still, person)
  const socket = await openSocket(still, person.token)
  const given = (who: TestPerson) => ({
    userId: who.id,
    kind: 'payment_received' as const,
    bookingId: booking.id,
    source: booking.id,
    amountMinor: 1,
    currency: 'EUR',
  })
  const counts = await Promise.all(Array.from({ length: 20 }, () => notify(still.deps.db, given(person))))
  expect(counts.reduce((sum, count) => sum + count)).toBe(1)
  expect(await notify(still.deps.db, given(other), given(person), given(other))).toBe(1)
  const [, row] = await rowsFor(still, person)
  await Promise.all(Array.from({ length: 5 }, () => deliver(still, row?.id ?? '')))
  await socket.next('notifications_unread')
  // A second push would have arrived before this reply.
  socket.send({ type: 'leave_space', spaceId: Bun.randomUUIDv7(), requestId: 'end' })
  await socket.next('left_space')
  expect(kindsOn(socket)).toEqual(['payment_received'])
  await socket.close()
})

test('a notification undone before delivery is not pushed, listed or counted', async () => {
  const person = await makePerson(still)
  const client = clientOf(still, person)
  const socket = await openSocket(still, person.token)
  const cancelled = await book(still, person)
  await client.bookings.cancel.mutate({ id: cancelled.id })
  const moved = await book(still, person)
  await client.bookings.reschedule.mutate({ id: moved.id, startsAt: at(11) })
  await client.bookings.reschedule.mutate({ id: moved.id, startsAt: at(12) })
  for (const { id } of await rowsFor(still, person)) await deliver(still, id)
  await socket.next('notification', ({ kind }) => kind === 'booking_moved')
  expect(kindsOn(socket)).toEqual(['booking_cancelled', 'booking_moved'])
  const { items, unread } = await client.notifications.list.query({})
  expect(unread).toBe(2)
  expect(items.map(({ kind, text }) => [kind, text])).toEqual([
    [
      'booking_moved',
      'Your booking was rescheduled: Desk, House is now on Mon, 4 January 2027 at 12:00 instead of Mon, 4 January 2027 at 11:00.',
    ],
    ['booking_cancelled', 'You cancelled this booking: Desk, House on Mon, 4 January 2027 at 09:00.'],
  ])
  await socket.close()
})

test('a reschedule to another space at the same time names the time once', async () => {
  const person = await makePerson(still)
  const { id, locationId } = await book(still, person)
  const other = await makeSpace(still, { locationId, name: 'Window desk' })
  await clientOf(still, person).bookings.reschedule.mutate({ id, spaceId: other.id })
  const [moved] = (await clientOf(still, person).notifications.list.query({})).items
  expect(moved?.text).toBe('Your booking has changed: Window desk, House on Mon, 4 January 2027 at 09:00.')
})

test('a reminder that is late or for another time is withdrawn', async () => {
  const person = await makePerson(still)
  const booking = await book(still, person)
  const remind = async (source: string) => {
    await notify(still.deps.db, { userId: person.id, kind: 'reminder_hour', bookingId: booking.id, source })
    const row = (await rowsFor(still, person)).at(-1)
    return { id: row?.id ?? '', source }
  }
  const inTime = await remind('in time')
  await deliver(still, inTime.id)
  const [early, late] = [await remind('another time'), await remind('begun')]
  await still.deps.db
    .update(bookings)
    .set({ startsAt: sql`now() - interval '1 minute'` })
    .where(eq(bookings.id, booking.id))
  for (const { id } of [early, late]) await deliver(still, id)
  const rows = await rowsFor(still, person)
  const told = rows.filter(({ kind }) => kind === 'reminder_hour')
  expect(told.map(({ source, withdrawnAt }) => [source, withdrawnAt === null])).toEqual([
    ['in time', true],
    ['another time', false],
    ['begun', false],
  ])
})

test('a notification with a lost job is queued again, and old ones are deleted', async () => {
  const lost = await startTestServer()
  const person = await makePerson(lost)
  await book(lost, person)
  await lost.deps.db.execute(sql`DELETE FROM graphile_worker._private_jobs`)
  const age = (interval: string) =>
    lost.deps.db.update(notifications).set({ createdAt: sql`now() - ${interval}::interval` })
  expect(await requeueLostWork(lost.deps.db)).toBe(0)
  await age('11 minutes')
  expect(await requeueLostWork(lost.deps.db)).toBe(1)
  expect(await requeueLostWork(lost.deps.db)).toBe(0)
  await lost.deps.db.execute(sql`UPDATE notifications SET told_at = now()`)
  const [row] = await rowsFor(lost, person)
  const late = sql`now() - interval '11 minutes'`
  await lost.deps.db
    .insert(notificationDeliveries)
    .values({ notificationId: row?.id ?? '', channel: 'email', createdAt: late })
  expect(await requeueLostWork(lost.deps.db)).toBe(1)
  expect(await requeueLostWork(lost.deps.db)).toBe(0)
  await age('179 days')
  expect(await deleteOldNotifications(lost.deps)).toBe(0)
  await age('181 days')
  expect(await deleteOldNotifications(lost.deps)).toBe(1)
  expect(await rowsFor(lost, person)).toEqual([])
})

test('deleting an account deletes its notifications, but not the specialist’s', async () => {
  const { person: masseur, service } = await makeSpecialist(server, { service: { name: 'Massage' } })
  const person = await makePerson(server)
  const client = clientOf(server, person)
  const { id } = await client.bookings.create.mutate({ serviceId: service.id, startsAt: at(9) })
  await client.bookings.confirm.mutate({ id })
  await client.notifications.setPreferences.mutate({ items: [{ kind: 'event_place', email: false }] })
  await untilTold(server)
  const exported = await client.auth.exportMe.query()
  expect(exported.notifications).toEqual((await client.notifications.list.query({})).items)
  expect(exported.preferences).toEqual((await client.notifications.preferences.query()).items)
  await client.auth.deleteMe.mutate()
  await untilTold(server)
  expect(await rowsFor(server, person)).toEqual([])
  expect(await reasonOf(client.notifications.list.query({}))).toBe('NOT_SIGNED_IN')
  const { items } = await clientOf(server, masseur).notifications.list.query({})
  expect(items.map(({ kind, text }) => [kind, text])).toEqual([
    [
      'booking_cancelled',
      'A former member cancelled this booking: Massage for a former member on Mon, 4 January 2027 at 09:00.',
    ],
    ['booking_confirmed', 'New booking: Massage for a former member on Mon, 4 January 2027 at 09:00.'],
  ])
})

test.skipIf(!hasRedis)('one server’s queue notifies a socket on another server, once', async () => {
  const redis = await startRedis()
  const env = { REDIS_URL: redis.url }
  const working = await startTestServer({ env, queue: true })
  const databaseUrl = working.deps.env.DATABASE_URL
  const [other, third] = [
    await startTestServer({ env, databaseUrl }),
    await startTestServer({ env, databaseUrl, queue: true }),
  ]
  const person = await makePerson(other)
  const socket = await openSocket(other, person.token)
  for (let made = 0; made < 5; made++) await book(third, person)
  await socket.next('notifications_unread', ({ unread }) => unread === 5)
  await until(() => kindsOn(socket).length >= 5)
  const { items } = await clientOf(other, person).notifications.list.query({})
  const pushed = socket.received.flatMap((message) => (message.type === 'notification' ? [message] : []))
  expect(pushed.toSorted((a, b) => b.id.localeCompare(a.id))).toEqual(
    items.map((item) => ({ type: 'notification' as const, ...item })),
  )
  await socket.close()
  await Promise.all([working, other, third].map((one) => one.stop()))
  await redis.stop()
})
