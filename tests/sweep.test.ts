import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import pino from 'pino'
import type { Publish } from '../src/context'
import { bookings, spaces } from '../src/db/schema'
import { messageOf } from '../src/realtime/bus'
import type { ServerMessage } from '../src/schemas/socket-messages'
import type { RunningServer } from '../src/server'
import { completePastBookings, sweepExpiredHolds } from '../src/services/bookings/sweep'
import { insertBooking } from './support/rows'
import {
  at,
  clientOf,
  endHolds,
  makePerson,
  makeSpace,
  startTestServer,
  stopTestServers,
  type TestPerson,
  testDate,
  until,
} from './support/world'

let server: RunningServer
let second: RunningServer
let person: TestPerson
beforeAll(async () => {
  server = await startTestServer()
  second = await startTestServer({ databaseUrl: server.deps.env.DATABASE_URL ?? '' })
  person = await makePerson(server)
})
afterAll(stopTestServers)

type Heard = { topic: string; message: ServerMessage }

/** The servers with a publish that writes down what they tell. */
function listening() {
  const heard: Heard[] = []
  const publish: Publish = (topic, given) => {
    const message = messageOf(given)
    if (message) heard.push({ topic, message })
  }
  const of = <T extends ServerMessage['type']>(type: T) =>
    heard
      .map(({ message }) => message)
      .filter((message): message is Extract<ServerMessage, { type: T }> => message.type === type)
  return { deps: [server, second].map(({ deps }) => ({ ...deps, publish })), of }
}

/** Ended holds on as many units, an hour each, from midnight on. */
async function putEnded(space: Awaited<ReturnType<typeof makeSpace>>, hours: number) {
  const holdExpiresAt = new Date(Date.now() - 60_000)
  const rows = []
  for (let unit = 1; unit <= space.units; unit++) {
    for (let hour = 0; hour < hours; hour++)
      rows.push(
        await insertBooking(server, space, person, {
          status: 'held',
          unit,
          from: at(hour),
          to: at(hour + 1),
          holdExpiresAt,
        }),
      )
  }
  return rows
}

const statusOf = async (id: string) =>
  (await server.deps.db.select().from(bookings).where(eq(bookings.id, id)))[0]?.status
const versionOf = async (id: string) =>
  (await server.deps.db.select().from(spaces).where(eq(spaces.id, id)))[0]?.version ?? 0

describe('ended holds', () => {
  test('are freed once each by sweeps on two servers at once, and every board follows by consecutive versions', async () => {
    const houses = await Promise.all([1, 2, 3, 4, 5].map((units) => makeSpace(server, { units })))
    const ended = (await Promise.all(houses.map((space) => putEnded(space, 20)))).flat()
    const { deps, of } = listening()
    const counts = await Promise.all([...deps, ...deps].map((one) => sweepExpiredHolds(one)))

    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(ended.length)
    const told = of('booking_update').map(({ booking }) => booking)
    expect(told.map(({ id }) => id).toSorted()).toEqual(ended.map(({ id }) => id).toSorted())
    expect(new Set(told.map(({ status }) => status))).toEqual(new Set(['expired']))
    for (const space of houses) {
      const updates = of('slot_update').filter(({ spaceId }) => spaceId === space.id)
      const versions = updates.toSorted((a, b) => a.version - b.version)
      expect(versions.map(({ fromVersion, cause }) => [fromVersion, cause])).toEqual(
        versions.map((_, index) => [index + 1, 'expired']),
      )
      expect(await versionOf(space.id)).toBe(versions.length + 1)
      const freed = of('slots_freed').filter(({ spaceId }) => spaceId === space.id)
      const wanted = Array.from({ length: 20 }, (_, hour) => `${space.id}@${at(hour)}`)
      expect(new Set(freed.flatMap(({ slotIds }) => slotIds))).toEqual(new Set(wanted))
      for (const { count, slotIds } of freed) expect(count).toBe(slotIds.length)
      const { slots } = await clientOf(second).slots.day.query({ spaceId: space.id, date: testDate })
      expect(slots.map(({ free }) => free)).toEqual(slots.map(() => space.units))
    }
    expect(await sweepExpiredHolds(server.deps)).toBe(0)
  })

  test('are announced as freed slots only where the slot can be had again', async () => {
    const space = await makeSpace(server)
    const day = { from: at(9), to: at(12), status: 'held' as const }
    await insertBooking(server, space, person, { ...day, holdExpiresAt: new Date(Date.now() - 1000) })
    await clientOf(server, await makePerson(server, 'admin')).closures.create.mutate({
      locationId: space.locationId,
      startsAt: at(10),
      endsAt: at(11),
    })
    const { deps, of } = listening()
    expect(await Promise.all(deps.map((one) => sweepExpiredHolds(one)))).toContain(1)
    expect(of('slots_freed')).toMatchObject([
      { spaceId: space.id, slotIds: [`${space.id}@${at(9)}`, `${space.id}@${at(11)}`], count: 2 },
    ])
    expect(of('slot_update').map(({ slots }) => slots.map(({ status }) => status))).toEqual([
      ['free', 'closed', 'free'],
    ])
  })

  test('of a calendar that somebody else has locked keep nobody else waiting, however many they are, and are freed later', async () => {
    const [busy, other] = [await makeSpace(server, { units: 21 }), await makeSpace(server)]
    const blocked = await putEnded(busy, 10)
    const [free] = await putEnded(other, 1)
    const locked = Promise.withResolvers<void>()
    const done = Promise.withResolvers<void>()
    const holding = server.deps.db.transaction(async (tx) => {
      await tx.execute(sql`SELECT FROM spaces WHERE id = ${busy.id} FOR NO KEY UPDATE`)
      locked.resolve()
      await done.promise
    })
    await locked.promise
    expect(await sweepExpiredHolds(second.deps)).toBe(1)
    expect(await statusOf(free?.id ?? '')).toBe('expired')
    const waiting = sweepExpiredHolds(second.deps)
    done.resolve()
    await holding
    // A lock that lasts no longer than a claim's is waited for within the same sweep.
    expect(await waiting).toBe(blocked.length)
  })

  test('of a claim made through one server are seen in the day that the other one shows', async () => {
    const space = await makeSpace(server)
    const slotId = `${space.id}@${at(9)}`
    const day = { spaceId: space.id, date: testDate }
    await clientOf(server, person).slots.hold.mutate({ slotId })
    expect((await clientOf(second).slots.day.query(day)).slots[9]).toMatchObject({
      status: 'held',
      heldByMe: false,
    })
    expect((await clientOf(second, person).slots.day.query(day)).slots[9]).toMatchObject({
      status: 'held',
      heldByMe: true,
    })
    await endHolds(server, space.id)
    expect((await clientOf(second).slots.day.query(day)).slots[9]).toMatchObject({ status: 'free' })
    expect(await sweepExpiredHolds(second.deps)).toBe(1)
    expect((await clientOf(server).slots.day.query(day)).version).toBe(3)
  })
})

test('bookings become completed once their time and their buffer are over, and not before', async () => {
  const space = await makeSpace(server)
  const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
  const over = await insertBooking(server, space, person, { from: ago(120), to: ago(60) })
  const buffering = await insertBooking(server, space, person, {
    from: ago(60),
    to: ago(1),
    claimed: `[${ago(60)},${ago(-15)})`,
  })
  const coming = await insertBooking(server, space, person)
  const { deps, of } = listening()
  const counts = await Promise.all(deps.map((one) => completePastBookings(one)))
  expect(counts.toSorted()).toEqual([0, 1])
  expect(await Promise.all([over, buffering, coming].map(({ id }) => statusOf(id)))).toEqual([
    'completed',
    'confirmed',
    'confirmed',
  ])
  expect(of('booking_update').map(({ booking }) => [booking.id, booking.status])).toEqual([
    [over.id, 'completed'],
  ])
  expect(of('slot_update').map(({ version, cause }) => [version, cause])).toEqual([[2, 'completed']])
  expect(of('slots_freed')).toEqual([])
})

test('a job that throws is logged and runs again', async () => {
  const lines: { job?: string; msg?: string; level: number }[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) })
  const ticking = await startTestServer({ env: { SWEEP_SECONDS: '1' }, jobs: true, log })
  const space = await makeSpace(ticking)
  const somebody = await makePerson(ticking)
  await ticking.deps.db.execute(sql`ALTER TABLE bookings RENAME TO bookings_elsewhere`)
  const failed = ({ job, level }: (typeof lines)[number]) => job === 'sweep' && level === 50
  await until(() => lines.filter(failed).length >= 2)
  await ticking.deps.db.execute(sql`ALTER TABLE bookings_elsewhere RENAME TO bookings`)
  await insertBooking(ticking, space, somebody, {
    status: 'held',
    holdExpiresAt: new Date(Date.now() - 1000),
  })
  await until(() => lines.find(({ job, msg }) => job === 'sweep' && msg === 'job'))
  const { slots } = await clientOf(ticking).slots.day.query({ spaceId: space.id, date: testDate })
  expect(slots[9]).toMatchObject({ status: 'free' })
}, 20_000)
