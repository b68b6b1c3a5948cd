import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import type { Booking } from '../src/schemas/bookings'
import type { RunningServer } from '../src/server'
import { sweepExpiredHolds } from '../src/services/bookings/sweep'
import { makePeople } from './support/events'
import { bookingRow } from './support/money'
import { openSocket } from './support/socket'
import { makeSpecialist, stopAndCountDeadlocks } from './support/specialists'
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
} from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ queue: true, env: { DATABASE_POOL: '20' } })
})
afterAll(stopTestServers)

const room = (locationId: string, settings: Parameters<typeof makeSpace>[1] = {}, on = server) =>
  makeSpace(on, { locationId, kind: 'meeting_room', ...settings })

describe('a service that needs a room', () => {
  test('claims the cheapest suitable room, adds its price and releases it again', async () => {
    const { service, specialist, locationId } = await makeSpecialist(server, {
      service: { needsRoom: true, roomCapacity: 2, priceMinor: 4000, durationMinutes: 90, bufferMinutes: 10 },
    })
    await room(locationId, { capacity: 1 })
    await room(locationId, { capacity: 4, kind: 'desk' })
    await room(locationId, { capacity: 4, priceMinor: 60, currency: 'USD' })
    const expensive = await room(locationId, { capacity: 2, priceMinor: 900 })
    const cheap = await room(locationId, { capacity: 8, priceMinor: 600, bufferMinutes: 30 })
    const customer = clientOf(server, await makePerson(server))
    const board = () =>
      customer.specialists.day.query({ id: specialist.id, date: testDate, serviceId: service.id })
    expect((await board()).slots[2]).toMatchObject({
      id: `${service.id}@${at(3)}`,
      endsAt: at(4.5),
      status: 'free',
      priceMinor: 4000 + 2 * 600,
    })

    const hold = await customer.bookings.create.mutate({ serviceId: service.id, startsAt: at(3) })
    expect(hold).toMatchObject({ spaceId: cheap.id, unit: 1, priceMinor: 5200, specialistId: specialist.id })
    // The longer of the two buffers applies to both calendars.
    expect(await bookingRow(server, hold.id)).toMatchObject({ claimed: expect.stringContaining('05:00:00') })
    expect((await board()).slots.slice(1, 5).map(({ status }) => status)).toEqual([
      'held', // the other room is free, but the specialist's buffer reaches into the hold
      'held',
      'held',
      'free',
    ])
    expect((await customer.slots.day.query({ spaceId: cheap.id, date: testDate })).slots[3]).toMatchObject({
      status: 'held',
      heldByMe: true,
    })
    await customer.bookings.cancel.mutate({ id: hold.id })
    expect((await customer.slots.day.query({ spaceId: cheap.id, date: testDate })).slots[3]?.status).toBe(
      'free',
    )
    expect((await board()).slots[2]?.status).toBe('free')

    const named = { serviceId: service.id, spaceId: expensive.id, startsAt: at(3) }
    expect(await customer.bookings.create.mutate(named)).toMatchObject({
      spaceId: expensive.id,
      priceMinor: 5800,
    })
  })

  test('is closed without an open room and taken without a free one', async () => {
    const { service, specialist, locationId } = await makeSpecialist(server, { service: { needsRoom: true } })
    const [ada, bob] = [await makePerson(server), await makePerson(server)]
    const status = async (hour: number) =>
      (
        await clientOf(server).specialists.day.query({
          id: specialist.id,
          date: testDate,
          serviceId: service.id,
        })
      ).slots[hour]?.status
    const hold = (hour: number) =>
      reasonOf(clientOf(server, ada).bookings.create.mutate({ serviceId: service.id, startsAt: at(hour) }))
    expect([await status(9), await hold(9)]).toEqual(['closed', 'SLOT_CLOSED'])
    const space = await room(locationId, { hours: [{ weekday: 1, opensAt: '09:00', closesAt: '18:00' }] })
    expect([await status(8), await hold(8)]).toEqual(['closed', 'SLOT_CLOSED'])
    const taking = await clientOf(server, bob).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
    expect([await status(9), await hold(9)]).toEqual(['held', 'SLOT_TAKEN'])
    await clientOf(server, bob).bookings.confirm.mutate({ id: taking.id })
    expect([await status(9), await hold(9)]).toEqual(['booked', 'SLOT_TAKEN'])
    expect([await status(10), await hold(10)]).toEqual(['free', 'was not refused'])
    expect([await status(10), await hold(10)]).toEqual(['held', 'SLOT_TAKEN'])
  })

  test('is rescheduled to a free room of the same price, but not after approval', async () => {
    const { client, service, locationId } = await makeSpecialist(server, {
      service: { needsRoom: true, priceMinor: 100 },
    })
    const [first, second] = [await room(locationId), await room(locationId)]
    await room(locationId, { priceMinor: 50 })
    const [ada, bob] = [await makePerson(server), await makePerson(server)]
    const customer = clientOf(server, ada)
    const hold = await customer.bookings.create.mutate({
      serviceId: service.id,
      spaceId: second.id,
      startsAt: at(9),
    })
    await server.deps.db.execute(sql`UPDATE bookings SET paid_minor = 100 WHERE id = ${hold.id}`)
    await customer.bookings.confirm.mutate({ id: hold.id })
    // Its own room comes first; a stale hold does not block it.
    await clientOf(server, bob).slots.hold.mutate({ slotId: `${second.id}@${at(12)}` })
    await endHolds(server)
    const moved = await customer.bookings.reschedule.mutate({ id: hold.id, startsAt: at(12) })
    expect(moved).toMatchObject({ spaceId: second.id, startsAt: at(12), endsAt: at(13), priceMinor: 100 })
    // The third room is free too, but has another price.
    await clientOf(server, bob).slots.hold.mutate({ slotId: `${second.id}@${at(14)}` })
    expect(await customer.bookings.reschedule.mutate({ id: hold.id, startsAt: at(14) })).toMatchObject({
      spaceId: first.id,
    })
    await Promise.all(
      [first, second].map((space) =>
        clientOf(server, bob).slots.hold.mutate({ slotId: `${space.id}@${at(16)}` }),
      ),
    )
    expect(await reasonOf(customer.bookings.reschedule.mutate({ id: hold.id, startsAt: at(16) }))).toBe(
      'SLOT_TAKEN',
    )
    await client.services.update.mutate({ id: service.id, needsApproval: true })
    const asked = await customer.bookings.create.mutate({ serviceId: service.id, startsAt: at(20) })
    await server.deps.db.execute(sql`UPDATE bookings SET paid_minor = price_minor WHERE id = ${asked.id}`)
    await customer.bookings.confirm.mutate({ id: asked.id })
    await client.bookings.accept.mutate({ id: asked.id })
    expect(await reasonOf(customer.bookings.reschedule.mutate({ id: asked.id, startsAt: at(21) }))).toBe(
      'NOT_RESCHEDULABLE',
    )
  })

  test('a stale hold on two calendars expires on both when one of them is claimed', async () => {
    const { service, specialist, locationId } = await makeSpecialist(server, { service: { needsRoom: true } })
    const space = await room(locationId)
    const [ada, bob] = [await makePerson(server), await makePerson(server)]
    const stale = await clientOf(server, ada).bookings.create.mutate({
      serviceId: service.id,
      startsAt: at(9),
    })
    await endHolds(server, space.id)
    const socket = await openSocket(server)
    socket.send({
      type: 'join_specialist',
      specialistId: specialist.id,
      date: testDate,
      serviceId: service.id,
    })
    const board = await socket.next('slots_status_update')
    await clientOf(server, bob).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
    expect(await clientOf(server, ada).bookings.byId.query({ id: stale.id })).toMatchObject({
      status: 'expired',
    })
    const update = await socket.next('slot_update')
    expect(update).toMatchObject({
      specialistId: specialist.id,
      fromVersion: board.version,
      cause: 'expired',
    })
    await socket.close()
  })
})

describe('races', () => {
  const outcomes = async (calls: Promise<unknown>[]) =>
    Map.groupBy(await Promise.all(calls.map(reasonOf)), (x) => x)

  test('of a hundred users racing for a service, one gets specialist and room together', async () => {
    const { service, specialist, locationId } = await makeSpecialist(server, { service: { needsRoom: true } })
    const space = await room(locationId, { units: 3 })
    const people = await makePeople(server, 100)
    const got = await outcomes(
      people.map((person) =>
        clientOf(server, person).bookings.create.mutate({ serviceId: service.id, startsAt: at(9) }),
      ),
    )
    expect([got.get('was not refused')?.length, got.get('SLOT_TAKEN')?.length]).toEqual([1, 99])
    const rows = await server.deps.db.execute<{ both: boolean }>(
      sql`SELECT space_id = ${space.id} AND specialist_id = ${specialist.id} AS both FROM bookings
        WHERE space_id = ${space.id} OR specialist_id = ${specialist.id}`,
    )
    expect([...rows]).toEqual([{ both: true }])
  })

  test('of a hundred claims on the last room, one succeeds and the others claim nothing', async () => {
    const first = await makeSpecialist(server, { service: { needsRoom: true } })
    const { locationId } = first
    const second = await makeSpecialist(server, { locationId, service: { needsRoom: true } })
    const space = await room(locationId)
    const people = await makePeople(server, 100)
    const got = await outcomes(
      people.map((person, index) => {
        const client = clientOf(server, person)
        if (index % 3 === 2) return client.slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
        const { service } = index % 3 === 0 ? first : second
        return client.bookings.create.mutate({ serviceId: service.id, startsAt: at(9) })
      }),
    )
    expect([got.get('was not refused')?.length, got.get('SLOT_TAKEN')?.length]).toEqual([1, 99])
    const rows = await server.deps.db.execute<{ space_id: string; whole: boolean }>(
      sql`SELECT space_id, (service_id IS NULL) = (specialist_id IS NULL) AS whole FROM bookings WHERE location_id = ${locationId}`,
    )
    expect([...rows]).toEqual([{ space_id: space.id, whole: true }])
  })

  test('under random load nothing deadlocks and no booking lacks a room or specialist', async () => {
    const rounds = process.env.PROVE === '1' ? 40 : 4
    // A server of its own, because counting the deadlocks stops it.
    const server = await startTestServer({ env: { DATABASE_POOL: '20' } })
    const house = await makeSpecialist(server, { service: { needsRoom: true, durationMinutes: 45 } })
    const { locationId } = house
    const specialists = [
      house,
      await makeSpecialist(server, { locationId, service: { needsRoom: true, bufferMinutes: 15 } }),
      await makeSpecialist(server, { locationId, service: { needsRoom: true, roomCapacity: 2 } }),
    ]
    const withoutRoom = await Promise.all(
      specialists.map(({ client, specialist }) =>
        client.services.create.mutate({
          specialistId: specialist.id,
          name: 'Without a room',
          durationMinutes: 30,
        }),
      ),
    )
    const rooms = [
      await room(locationId, { units: 2, bufferMinutes: 10 }, server),
      await room(locationId, { capacity: 2 }, server),
      await room(locationId, { capacity: 3, slotMinutes: 30 }, server),
    ]
    const people = await makePeople(server, 100)
    const pick = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)] as T
    const hour = () => at(8 + Math.floor(Math.random() * 4))
    const mine = new Map<string, Booking>()
    const endHold = (id: string) =>
      server.deps.db.execute(
        sql`UPDATE bookings SET hold_expires_at = clock_timestamp() WHERE id = ${id} AND status = 'held'`,
      )

    const hold = async (person: TestPerson): Promise<unknown> => {
      const bookings = clientOf(server, person).bookings
      const held = mine.get(person.id)
      const dice = Math.random()
      if (held && dice < 0.3) {
        mine.delete(person.id)
        return bookings.cancel.mutate({ id: held.id })
      }
      if (held && dice < 0.5) return bookings.reschedule.mutate({ id: held.id, startsAt: hour() })
      if (held && dice < 0.6) return endHold(held.id)
      if (dice < 0.55) return sweepExpiredHolds(server.deps)
      const request =
        dice < 0.75
          ? { spaceId: pick(rooms).id }
          : dice < 0.85
            ? { serviceId: pick(withoutRoom).id }
            : { serviceId: pick(specialists).service.id }
      const booking = await bookings.create.mutate({ ...request, startsAt: hour() })
      mine.set(person.id, booking)
      return booking
    }
    const refusals = new Map<string, number>()
    for (let round = 0; round < rounds; round++) {
      for (const reason of await Promise.all(people.map((person) => reasonOf(hold(person)))))
        refusals.set(reason, (refusals.get(reason) ?? 0) + 1)
    }
    const expected = [
      'was not refused',
      'SLOT_TAKEN',
      'OFF_GRID',
      'HOLD_EXPIRED',
      'NOT_CANCELLABLE',
      'TOO_MANY_HOLDS',
    ]
    expect([...refusals.keys()].filter((reason) => !expected.includes(reason))).toEqual([])
    expect(refusals.get('was not refused') ?? 0).toBeGreaterThan(rounds * 20)
    const incomplete = await server.deps.db.execute(sql`
      SELECT b.id FROM bookings b LEFT JOIN services s ON s.id = b.service_id
      WHERE b.location_id = ${locationId} AND ((s.id IS NULL) <> (b.specialist_id IS NULL)
        OR coalesce(s.needs_room, true) <> (b.space_id IS NOT NULL) OR s.specialist_id <> b.specialist_id)`)
    expect([...incomplete]).toEqual([])
    expect(await stopAndCountDeadlocks(server)).toBe(0)
  }, 120_000)
})
