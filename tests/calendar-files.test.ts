import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import ICAL from 'ical.js'
import { cancelledEvents, eventAttendees, events } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { forgetCancelledEvents } from '../src/services/events/end-event'
import { makeEvent, makePeople } from './support/events'
import { captureLog } from './support/logs'
import { makePaidEvent } from './support/paid-events'
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
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(stopTestServers)

/** Parses a file as a calendar program does. */
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

test('bookings and events have calendar files and a feed with a renewable secret', async () => {
  const space = await makeSpace(server, { name: 'Sala; Leonardo, 1' })
  const [ada, bob] = await makePeople(server, 2)
  if (!ada || !bob) throw new Error('makePeople returned too few users')
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

  const event = await makeEvent(server, bob, { title: 'Talk', locationId: space.locationId })
  await client.events.attend.mutate({ id: event.id })
  expect(entriesOf((await file(`/events/${event.id}/calendar.ics`)).text)).toMatchObject([
    { summary: 'Talk' },
  ])

  const odd = await makeEvent(server, bob, {
    title: 'Tea; cake, \\ "x"',
    text: 'Ring\u0007 the bell,\nonce',
    locationId: space.locationId,
  })
  const oddFile = (await file(`/events/${odd.id}/calendar.ics`)).text
  expect(oddFile).toContain('\r\nX-WR-CALNAME:Tea\\; cake\\, \\\\ "x"\r\n')
  expect(oddFile).toContain('\r\nDESCRIPTION:Ring the bell\\,\\nonce\r\n')

  const { secret, url } = await client.calendar.renew.mutate()
  expect(url).toBe(`/api/calendar/${secret}.ics`)
  const feed = await file(`/calendar/${secret}.ics`)
  expect(
    entriesOf(feed.text)
      .map(({ summary }) => summary)
      .sort(),
  ).toEqual(['Sala; Leonardo, 1', 'Talk'])
  await client.bookings.cancel.mutate({ id })
  // Calendar programs remove an entry only if the feed lists it as cancelled.
  expect(entriesOf((await file(`/calendar/${secret}.ics`)).text)).toMatchObject([
    { summary: 'Talk', status: 'CONFIRMED' },
    { summary: 'Sala; Leonardo, 1', status: 'CANCELLED' },
  ])
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

test('a cancelled event stays in calendar files as cancelled for a month', async () => {
  const { locationId } = await makeSpace(server)
  const [ada, bob] = await makePeople(server, 2)
  if (!ada || !bob) throw new Error('makePeople returned too few users')
  const [open, closed] = await Promise.all(
    (['public', 'members'] as const).map((visibility) =>
      makeEvent(server, ada, { title: visibility, locationId, visibility }),
    ),
  )
  if (!open || !closed) throw new Error('makeEvent returned no event')
  await clientOf(server, bob).events.attend.mutate({ id: open.id })
  const feeds = await Promise.all(
    [ada, bob].map(async (person) => (await clientOf(server, person).calendar.renew.mutate()).url),
  )
  const fileOf = (id: string, person?: TestPerson) =>
    feedOf(`/api/events/${id}/calendar.ics`, person ? { authorization: `Bearer ${person.token}` } : {})
  const sequenceOf = (text: string) => Number(/SEQUENCE:(\d+)/.exec(text)?.[1])
  const before = await fileOf(open.id)
  await server.deps.db
    .update(events)
    .set({ updatedAt: sql`now() - interval '1 minute'` })
    .where(eq(events.id, open.id))
  const confirmed = await fileOf(open.id)
  for (const { id } of [open, closed]) await clientOf(server, ada).events.remove.mutate({ id })

  const cancelled = await fileOf(open.id)
  expect(entriesOf(cancelled.text)).toMatchObject([
    { summary: 'public', startsAt: iso(9), endsAt: iso(11), status: 'CANCELLED' },
  ])
  expect(/UID:.*/.exec(cancelled.text)?.[0]).toBe(/UID:.*/.exec(before.text)?.[0])
  expect(sequenceOf(cancelled.text)).toBeGreaterThan(sequenceOf(confirmed.text))
  expect((await fileOf(closed.id)).status).toBe(404)
  expect(entriesOf((await fileOf(closed.id, bob)).text)).toMatchObject([{ status: 'CANCELLED' }])
  // Only attendees who were notified have the cancellation in their feed.
  const fed = await Promise.all(feeds.map(async (path) => entriesOf((await feedOf(path)).text)))
  expect(fed).toMatchObject([[], [{ summary: 'public', status: 'CANCELLED' }]])

  await server.deps.db.update(cancelledEvents).set({ cancelledAt: sql`now() - interval '31 days'` })
  expect(await forgetCancelledEvents(server.deps)).toBe(2)
  expect((await fileOf(open.id, bob)).status).toBe(404)
  expect(entriesOf((await feedOf(feeds[1] ?? '')).text)).toEqual([])
})

const iso = (hour: number) => new Date(at(hour)).toISOString()

test('the calendar file of a seat shows the status of the seat', async () => {
  const { id } = await makePaidEvent(server)
  const person = await makePerson(server)
  const client = clientOf(server, person)
  const { bookingId } = await client.events.attend.mutate({ id })
  if (!bookingId) throw new Error('no seat is held')
  const status = async () => {
    const { text } = await feedOf(`/api/bookings/${bookingId}/calendar.ics`, {
      authorization: `Bearer ${person.token}`,
    })
    return entriesOf(text).map((entry) => entry.status)
  }
  expect(await status()).toEqual(['TENTATIVE'])
  await server.deps.db
    .update(eventAttendees)
    .set({ status: 'attending' })
    .where(eq(eventAttendees.bookingId, bookingId))
  expect(await status()).toEqual(['CONFIRMED'])
  await server.deps.db
    .update(eventAttendees)
    .set({ status: 'held' })
    .where(eq(eventAttendees.bookingId, bookingId))
  await client.events.leave.mutate({ id })
  expect(await status()).toEqual(['CANCELLED'])
  expect(entriesOf((await feedOf(`/api/events/${id}/calendar.ics`)).text)).toMatchObject([
    { status: 'CONFIRMED' },
  ])
})

test('the calendar file of an event names its room', async () => {
  const space = await makeSpace(server, { name: 'Loft' })
  const { id } = await makeEvent(server, await makePerson(server), {
    locationId: space.locationId,
    spaceId: space.id,
  })
  expect((await feedOf(`/api/events/${id}/calendar.ics`)).text).toContain('LOCATION:Loft\\, House')
})

test('the log never contains the secret of a feed', async () => {
  const { log, text } = captureLog()
  const logged = await startTestServer({ log })
  const { secret, url } = await clientOf(logged, await makePerson(logged)).calendar.renew.mutate()
  expect((await fetch(logged.url + url)).status).toBe(200)
  expect((await fetch(`${logged.url + url}.ics`)).status).toBe(404)
  // Clients that join URLs carelessly request these doubled slashes, and they are served.
  for (const doubled of [`/${url}`, url.replaceAll('/', '//')]) await fetch(logged.url + doubled)
  await until(() => text().split('"msg":"request"').length > 5)
  expect(text()).toContain('/api/calendar/…')
  expect(text()).not.toContain(secret)
})

const feedOf = async (path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(server.url + path, { headers })
  return { status: response.status, etag: response.headers.get('etag') ?? '', text: await response.text() }
}

test('the feed of a specialist has only their bookings and ends with a new URL or role', async () => {
  const { person, client, service, specialist } = await makeSpecialist(server, {
    service: { name: 'Advice' },
  })
  const other = await makeSpecialist(server)
  const ada = await makePerson(server)
  await clientOf(server, ada).auth.update.mutate({ name: 'Ada, Lovelace' })
  const book = async (hour: number, serviceId = service.id) => {
    const { id } = await clientOf(server, ada).bookings.create.mutate({ serviceId, startsAt: at(hour) })
    await clientOf(server, ada).bookings.confirm.mutate({ id })
    return id
  }
  await book(9)
  const cancelled = await book(11)
  await clientOf(server, ada).bookings.cancel.mutate({ id: cancelled })
  await book(13, other.service.id)
  // A released hold never appears in a feed.
  const hold = await clientOf(server, ada).bookings.create.mutate({ serviceId: service.id, startsAt: at(15) })
  await clientOf(server, ada).bookings.cancel.mutate({ id: hold.id })

  const { url } = await client.calendar.renew.mutate({ of: 'specialist' })
  expect(entriesOf((await feedOf(url)).text)).toMatchObject([
    { summary: 'Advice · Ada, Lovelace', startsAt: '2027-01-04T09:00:00.000Z', status: 'CONFIRMED' },
    { summary: 'Advice · Ada, Lovelace', startsAt: '2027-01-04T11:00:00.000Z', status: 'CANCELLED' },
  ])
  const own = await client.calendar.renew.mutate()
  expect(entriesOf((await feedOf(own.url)).text)).toEqual([])
  expect((await feedOf(url)).status).toBe(200)
  const adas = await clientOf(server, ada).calendar.renew.mutate({})
  expect(entriesOf((await feedOf(adas.url)).text).map(({ summary }) => summary)).toContain(
    `Advice · ${specialist.name}`,
  )
  expect(await reasonOf(clientOf(server, ada).calendar.renew.mutate({ of: 'specialist' }))).toBe('NOT_FOUND')

  const renewed = await client.calendar.renew.mutate({ of: 'specialist' })
  expect((await feedOf(url)).status).toBe(404)
  const boss = clientOf(server, await makePerson(server, 'admin'))
  await boss.users.update.mutate({ id: person.id, role: 'customer' })
  expect((await feedOf(renewed.url)).status).toBe(404)
  expect((await feedOf(own.url)).status).toBe(200)
})

test('an unchanged feed gets 304, a changed one is sent', async () => {
  const space = await makeSpace(server)
  const client = clientOf(server, await makePerson(server))
  const { url } = await client.calendar.renew.mutate()
  const first = await feedOf(url)
  expect(await feedOf(url, { 'if-none-match': first.etag })).toMatchObject({ status: 304, text: '' })
  expect(await feedOf(url, { 'if-none-match': `"other", W/${first.etag}` })).toMatchObject({ status: 304 })
  const { id } = await client.slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
  expect((await feedOf(url, { 'if-none-match': first.etag })).status).toBe(304)
  await client.bookings.confirm.mutate({ id })
  const second = await feedOf(url, { 'if-none-match': first.etag })
  expect(second.status).toBe(200)
  await client.bookings.cancel.mutate({ id })
  const third = await feedOf(url, { 'if-none-match': second.etag })
  const sequences = [second, third].map(({ text }) => Number(/SEQUENCE:(\d+)/.exec(text)?.[1]))
  expect(sequences[1]).toBeGreaterThanOrEqual(sequences[0] ?? Number.POSITIVE_INFINITY)
})

test('a booking across a clock change has the right instants in the feed', async () => {
  const space = await makeSpace(server, { timeZone: 'Europe/Rome', maxSlots: 4 })
  const client = clientOf(server, await makePerson(server))
  // 01:30 summer time to 02:30 winter time is two hours.
  const [startsAt, endsAt] = ['2027-10-30T23:30:00Z', '2027-10-31T01:30:00Z']
  const half = await makeSpace(server, { locationId: space.locationId, slotMinutes: 30, maxSlots: 8 })
  const { id } = await client.bookings.create.mutate({ spaceId: half.id, startsAt, endsAt })
  await client.bookings.confirm.mutate({ id })
  const { url } = await client.calendar.renew.mutate()
  expect(entriesOf((await feedOf(url)).text)).toMatchObject([
    { startsAt: '2027-10-30T23:30:00.000Z', endsAt: '2027-10-31T01:30:00.000Z' },
  ])
})

test('guessing feed secrets is rate limited', async () => {
  const limited = await startTestServer({ env: { RATE_LIMITS: 'on' } })
  const guess = () => fetch(`${limited.url}/api/calendar/${Bun.randomUUIDv7()}.ics`)
  const statuses = await Promise.all(Array.from({ length: 320 }, async () => (await guess()).status))
  expect(statuses.filter((status) => status === 404)).toHaveLength(300)
  const refused = await guess()
  expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([429, true])
})
