import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { checkIns } from '../src/db/schema'
import type { Period } from '../src/lib/time'
import type { Hours } from '../src/schemas/spaces'
import type { RunningServer } from '../src/server'
import { checkOutAtClosing, closingAfter } from '../src/services/check-ins/auto-check-out'
import { openAtLocation } from './support/socket'
import { allDay, clientOf, makePerson, makeSpace, startTestServer, stopTestServers } from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ queue: true })
})
afterAll(stopTestServers)

test('removing a location checks everyone out', async () => {
  const { locationId } = await makeSpace(server)
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  await clientOf(server, ada).checkIns.checkIn.mutate({ locationId })
  const watcher = await openAtLocation(server, locationId, bob.token)
  await clientOf(server, await makePerson(server, 'admin')).locations.remove.mutate({ id: locationId })
  await checkOutAtClosing(server.deps)
  expect((await watcher.next('check_ins')).present).toEqual([])
  const [row] = await server.deps.db.select().from(checkIns).where(eq(checkIns.userId, ada.id))
  expect(row?.until).toBeInstanceOf(Date)
  await watcher.close()
})

test('check-ins end at closing time, and watchers of the location are updated', async () => {
  const { locationId } = await makeSpace(server)
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  for (const person of [ada, bob]) await clientOf(server, person).checkIns.checkIn.mutate({ locationId })
  await server.deps.db
    .update(checkIns)
    .set({ since: sql`now() - interval '25 hours'` })
    .where(eq(checkIns.userId, ada.id))
  const watcher = await openAtLocation(server, locationId, bob.token)
  await Promise.all([checkOutAtClosing(server.deps), checkOutAtClosing(server.deps)])
  expect((await watcher.next('check_ins')).present.map(({ person }) => person?.id)).toEqual([bob.id])
  const [row] = await server.deps.db.select().from(checkIns).where(eq(checkIns.userId, ada.id))
  expect(row?.until?.getTime()).toBe((row?.since.getTime() ?? 0) + 86_400_000)
  await watcher.close()
})

test('closing time accounts for breaks, closures and midnight', () => {
  const office = [1, 2, 3, 4, 5].map((weekday) => ({
    weekday: weekday as 1 | 2,
    opensAt: '08:00',
    closesAt: '20:00',
  }))
  const rome = (since: string, hours: Hours = office, closures: Period[] = []) =>
    new Date(closingAfter(Date.parse(since), { timeZone: 'Europe/Rome', hours, closures })).toISOString()
  expect(rome('2027-01-04T12:00:00Z')).toBe('2027-01-04T19:00:00.000Z')
  expect(rome('2027-01-04T05:00:00Z')).toBe('2027-01-04T19:00:00.000Z')
  // A check-in outside the hours ends after two hours if the location stays closed.
  expect(rome('2027-01-04T04:59:00Z')).toBe('2027-01-04T06:59:00.000Z')
  expect(rome('2027-01-04T19:01:00Z')).toBe('2027-01-04T21:01:00.000Z')
  expect(rome('2027-01-08T20:00:00Z')).toBe('2027-01-08T22:00:00.000Z')
  expect(rome('2027-01-04T12:00:00Z', [])).toBe('2027-01-04T14:00:00.000Z')
  const closed = (from: string, to: string) => [{ from: Date.parse(from), to: Date.parse(to) }]
  const fromThree = closed('2027-01-04T14:00:00Z', '2027-01-06T00:00:00Z')
  expect(rome('2027-01-04T12:00:00Z', office, fromThree)).toBe('2027-01-04T14:00:00.000Z')
  expect(rome('2027-01-04T15:00:00Z', office, fromThree)).toBe('2027-01-04T17:00:00.000Z')
  const bar = [{ weekday: 1 as const, opensAt: '18:00', closesAt: '02:00' }]
  expect(rome('2027-01-04T22:00:00Z', bar)).toBe('2027-01-05T01:00:00.000Z')
  expect(rome('2027-01-04T23:30:00Z', bar)).toBe('2027-01-05T01:00:00.000Z')
  const siesta = [
    { weekday: 1 as const, opensAt: '08:00', closesAt: '12:00' },
    { weekday: 1 as const, opensAt: '12:00', closesAt: '16:00' },
    { weekday: 1 as const, opensAt: '18:00', closesAt: '20:00' },
  ]
  expect(rome('2027-01-04T08:00:00Z', siesta)).toBe('2027-01-04T15:00:00.000Z')
  expect(rome('2027-01-04T08:00:00Z', allDay)).toBe('2027-01-05T08:00:00.000Z')
})
