import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { RunningServer } from '../src/server'
import { openSocket } from './support/socket'
import { makeSpecialist } from './support/specialists'
import {
  at,
  clientOf,
  endHolds,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  type TestClient,
  testDate,
} from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(stopTestServers)

test('a board follows a slot that is held, booked, rescheduled and cancelled', async () => {
  const space = await makeSpace(server)
  const ada = await makePerson(server)
  const client = clientOf(server, ada)
  const socket = await openSocket(server, ada.token)
  socket.send({ type: 'join_space', spaceId: space.id, date: testDate, requestId: 'join' })
  const board = await socket.next('slots_status_update')
  expect(board.slots).toHaveLength(24)
  expect(board.slots[9]).toMatchObject({ status: 'free', free: 1 })

  const slotId = `${space.id}@${at(9)}`
  const hold = await client.slots.hold.mutate({ slotId })
  expect(hold).toMatchObject({ status: 'held', startsAt: at(9), endsAt: at(10), unit: 1 })
  const update = await socket.next('slot_update')
  expect(update).toMatchObject({ fromVersion: board.version, version: board.version + 1, cause: 'held' })
  expect(update.slots).toMatchObject([{ id: slotId, status: 'held', free: 0, heldByMe: false }])
  expect((await client.slots.day.query({ spaceId: space.id, date: testDate })).slots[9]).toMatchObject({
    status: 'held',
    heldByMe: true,
  })

  expect(await client.slots.book.mutate({ slotId })).toMatchObject({ id: hold.id, status: 'confirmed' })
  const moved = await client.bookings.reschedule.mutate({ id: hold.id, startsAt: at(12) })
  expect(moved).toMatchObject({ id: hold.id, status: 'confirmed', startsAt: at(12), endsAt: at(13) })
  const rescheduled = await socket.next('slot_update', ({ cause }) => cause === 'rescheduled')
  expect(rescheduled.slots.map(({ id, status }) => [id.split('@')[1], status])).toEqual([
    [at(9), 'free'],
    [at(12), 'booked'],
  ])
  expect(await client.bookings.cancel.mutate({ id: hold.id })).toMatchObject({ status: 'cancelled' })
  expect((await client.slots.day.query({ spaceId: space.id, date: testDate })).slots[12]).toMatchObject({
    status: 'free',
  })
  await socket.close()
})

test('a rescheduled hold takes the terms of the new space, a booking keeps its own', async () => {
  const lenient = await makeSpace(server, { cancellation: [{ hoursBefore: 0, refundPercent: 100 }] })
  const strict = await makeSpace(server, { cancellation: [{ hoursBefore: 48, refundPercent: 50 }] })
  const client = clientOf(server, await makePerson(server))
  const { id } = await client.bookings.create.mutate({ spaceId: lenient.id, startsAt: at(9) })
  const moved = await client.bookings.reschedule.mutate({ id, spaceId: strict.id })
  expect(moved.cancellation).toEqual(strict.cancellation)
  await client.bookings.confirm.mutate({ id })
  const booked = await client.bookings.reschedule.mutate({ id, spaceId: lenient.id })
  expect(booked.cancellation).toEqual(strict.cancellation)
})

test('a board that ignores an own booking shows the times to reschedule it to', async () => {
  const { locationId, service, specialist } = await makeSpecialist(server, {
    service: { needsRoom: true, bufferMinutes: 30 },
  })
  const space = await makeSpace(server, { locationId, kind: 'meeting_room', bufferMinutes: 30 })
  const [ada, ben] = [await makePerson(server), await makePerson(server)]
  const client = clientOf(server, ada)
  const day = { date: testDate, spaceId: space.id }
  const ofService = { date: testDate, id: specialist.id, serviceId: service.id }
  const ways = [
    {
      request: { spaceId: space.id },
      dayOf: (of: TestClient, without?: string) => of.slots.day.query({ ...day, without }),
    },
    {
      request: { serviceId: service.id },
      dayOf: (of: TestClient, without?: string) => of.specialists.day.query({ ...ofService, without }),
    },
  ]
  await clientOf(server, ben).bookings.create.mutate({ spaceId: space.id, startsAt: at(13) })
  for (const { request, dayOf } of ways) {
    const { id } = await client.bookings.create.mutate({ ...request, startsAt: at(10) })
    const { slots } = await dayOf(client, id)
    expect((await dayOf(client)).slots[11]).toMatchObject({ status: 'held' })
    for (const { status, startsAt } of slots.slice(8, 16)) {
      const outcome = await reasonOf(client.bookings.reschedule.mutate({ id, startsAt }))
      expect([startsAt, outcome]).toEqual([startsAt, status === 'free' ? 'was not refused' : 'SLOT_TAKEN'])
      await client.bookings.reschedule.mutate({ id, startsAt: at(10) })
    }
    expect(slots.slice(8, 16).map(({ status }) => status === 'free')).toEqual(
      [8, 9, 10, 11, 12, 13, 14, 15].map((hour) => ![12, 13, 14].includes(hour)),
    )
    // Buffers block the slots on both sides of the taken one.
    expect(slots.slice(12, 15).map(({ taken }) => taken)).toEqual([0, 1, 0])
    expect(await reasonOf(dayOf(clientOf(server, ben), id))).toBe('NOT_FOUND')
    expect(await reasonOf(dayOf(clientOf(server), id))).toBe('NOT_FOUND')
    await client.bookings.cancel.mutate({ id })
  }
})

test('a stale hold blocks no other hold and cannot be booked', async () => {
  const space = await makeSpace(server)
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const slotId = `${space.id}@${at(9)}`
  await clientOf(server, ada).slots.hold.mutate({ slotId })
  expect(await reasonOf(clientOf(server, bob).slots.hold.mutate({ slotId }))).toBe('SLOT_TAKEN')
  await endHolds(server, space.id)
  expect(await clientOf(server, bob).slots.hold.mutate({ slotId })).toMatchObject({ status: 'held' })
  expect(await reasonOf(clientOf(server, ada).slots.book.mutate({ slotId }))).toBe('HOLD_EXPIRED')
})

test('filtering bookings by user never widens what the caller can see', async () => {
  const space = await makeSpace(server, { units: 2 })
  const [ada, ben] = [await makePerson(server), await makePerson(server)]
  const hold = (person: typeof ada) =>
    clientOf(server, person).bookings.create.mutate({ spaceId: space.id, startsAt: at(9) })
  const [ofAda] = [await hold(ada), await hold(ben)]
  const admin = clientOf(server, await makePerson(server, 'admin'))
  const listed = await admin.bookings.list.query({ as: 'admin', userId: ada.id })
  expect(listed.items.map(({ id }) => id)).toEqual([ofAda.id])
  expect((await clientOf(server, ben).bookings.list.query({ userId: ada.id })).items).toEqual([])
})

test('bookings page by start and location while they are rescheduled', async () => {
  const space = await makeSpace(server, { units: 2 })
  const elsewhere = await makeSpace(server)
  const person = clientOf(server, await makePerson(server))
  const admin = clientOf(server, await makePerson(server, 'admin'))
  const hold = async ({ id: spaceId }: { id: string }, hour: number) =>
    (await person.bookings.create.mutate({ spaceId, startsAt: at(hour) })).id
  await hold(space, 12)
  const moved = await hold(space, 9)
  await hold(elsewhere, 8)
  await hold(space, 10)
  await hold(space, 10)
  const list = { as: 'admin', order: 'start', locationId: space.locationId, limit: 2 } as const
  const first = await admin.bookings.list.query(list)
  const startsOf = ({ items }: typeof first) => items.map(({ startsAt }) => startsAt)
  expect(startsOf(first)).toEqual([at(9), at(10)])
  await person.bookings.reschedule.mutate({ id: moved, startsAt: at(7) })
  const second = await admin.bookings.list.query({ ...list, cursor: String(first.nextCursor) })
  expect([startsOf(second), second.nextCursor]).toEqual([[at(10), at(12)], null])
  expect((await person.bookings.list.query({})).items).toHaveLength(5)
  for (const order of ['start', 'created'] as const) {
    const cursor = order === 'start' ? moved : first.nextCursor
    const call = admin.bookings.list.query({ ...list, order, cursor: String(cursor) })
    expect(await reasonOf(call)).toBe('VALIDATION')
  }
})

test('a list of a period includes long bookings that began before it', async () => {
  const office = await makeSpace(server, { slotMinutes: 1440, maxSlots: 200 })
  const desk = await makeSpace(server, { locationId: office.locationId })
  const person = clientOf(server, await makePerson(server))
  const admin = clientOf(server, await makePerson(server, 'admin'))
  const hold = async ({ id: spaceId }: { id: string }, startsAt: string, endsAt: string) =>
    (await person.bookings.create.mutate({ spaceId, startsAt, endsAt })).id
  const hour = (day: number, hour: number) => at(24 * day + hour)
  const long = await hold(office, hour(400, 0), hour(600, 0))
  const short = await hold(desk, hour(599, 9), hour(599, 10))
  await hold(desk, hour(599, 8), hour(599, 9))
  await hold(desk, hour(599, 20), hour(599, 21))
  const period = { from: hour(599, 9), to: hour(599, 20) }
  for (const where of [{}, { locationId: office.locationId }, { status: 'held' as const }]) {
    for (const order of ['start', 'created'] as const) {
      const { items } = await admin.bookings.list.query({ as: 'admin', order, ...where, ...period })
      const expected = order === 'start' ? [long, short] : [short, long]
      expect(items.map(({ id }) => id)).toEqual(expected)
    }
  }
})
