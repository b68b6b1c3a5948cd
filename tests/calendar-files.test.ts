import { afterAll, beforeAll, expect, test } from 'bun:test'
import ICAL from 'ical.js'
import type { RunningServer } from '../src/server'
import { makeEvent, makePeople } from './support/events'
import { captureLog } from './support/logs'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
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
  const [ada, bob] = await makePeople(server, 2)
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

  const event = await makeEvent(server, bob, { title: 'Talk', locationId: space.locationId })
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

test('no log line has the secret of a feed', async () => {
  const { log, text } = captureLog()
  const logged = await startTestServer({ log })
  const { secret, url } = await clientOf(logged, await makePerson(logged)).calendar.renew.mutate()
  expect((await fetch(logged.url + url)).status).toBe(200)
  expect((await fetch(`${logged.url + url}.ics`)).status).toBe(404)
  // Whoever joins an address that ends in a slash asks for these, and they are served.
  for (const doubled of [`/${url}`, url.replaceAll('/', '//')]) await fetch(logged.url + doubled)
  await until(() => text().split('"msg":"request"').length > 5)
  expect(text()).toContain('/api/calendar/…')
  expect(text()).not.toContain(secret)
})
