import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Slot } from '../src/schemas/slots'
import type { RunningServer } from '../src/server'
import { sweepExpiredHolds } from '../src/services/bookings/sweep'
import { openSocket } from './support/socket'
import { makeSpecialist } from './support/specialists'
import {
  allDay,
  at,
  clientOf,
  endHolds,
  makePerson,
  makeSpace,
  reasonOf,
  rest,
  startTestServer,
  stopTestServers,
  testDate,
  until,
} from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(stopTestServers)

test('only the specialist and admins can change a profile, its services and time off', async () => {
  const space = await makeSpace(server)
  const person = await makePerson(server, 'specialist')
  const mine = clientOf(server, person)
  const create = { locationId: space.locationId, about: 'Twenty years of massage', hours: allDay }
  const profile = await mine.specialists.create.mutate(create)
  expect(profile).toMatchObject({
    userId: person.id,
    about: create.about,
    timeZone: 'UTC',
    rating: null,
    reviewCount: 0,
  })
  expect(profile.hours).toHaveLength(7)
  expect(await mine.specialists.byId.query({ id: profile.id })).toEqual(profile)
  const service = await mine.services.create.mutate({
    specialistId: profile.id,
    name: 'Massage',
    priceMinor: 100,
  })
  expect(await mine.services.update.mutate({ id: service.id, durationMinutes: 45 })).toEqual({
    ...service,
    durationMinutes: 45,
  })
  expect(await mine.specialists.update.mutate({ id: profile.id, name: 'Sam' })).toEqual({
    ...profile,
    name: 'Sam',
  })

  expect(await reasonOf(mine.specialists.create.mutate(create))).toBe('INVALID_STATE')
  expect(await reasonOf(mine.services.update.mutate({ id: service.id, depositMinor: 101 }))).toBe(
    'VALIDATION',
  )
  const others = [
    (await makeSpecialist(server)).client,
    clientOf(server, await makePerson(server)),
    clientOf(server),
  ]
  for (const [client, reason] of others.map(
    (client, i) => [client, ['NOT_ALLOWED', 'NOT_ALLOWED', 'NOT_SIGNED_IN'][i]] as const,
  )) {
    const times = { startsAt: at(9), endsAt: at(10) }
    for (const call of [
      () => client.specialists.create.mutate({ ...create, userId: person.id }),
      () => client.specialists.update.mutate({ id: profile.id, name: 'Mallory' }),
      () => client.specialists.remove.mutate({ id: profile.id }),
      () => client.services.create.mutate({ specialistId: profile.id, name: 'Fake' }),
      () => client.services.update.mutate({ id: service.id, priceMinor: 0 }),
      () => client.services.remove.mutate({ id: service.id }),
      () =>
        client.closures.create.mutate({ locationId: space.locationId, specialistId: profile.id, ...times }),
      () => client.closures.create.mutate({ locationId: space.locationId, ...times }),
      () => client.closures.create.mutate({ locationId: space.locationId, spaceId: space.id, ...times }),
    ])
      expect(await reasonOf(call())).toBe(reason ?? '')
  }
  const admin = clientOf(server, await makePerson(server, 'admin'))
  const customer = await makePerson(server)
  expect(await reasonOf(admin.specialists.create.mutate({ ...create, userId: customer.id }))).toBe(
    'INVALID_STATE',
  )
  expect(await admin.specialists.remove.mutate({ id: profile.id })).toEqual({ ok: true })
  expect(await reasonOf(mine.specialists.byId.query({ id: profile.id }))).toBe('NOT_FOUND')
  expect((await mine.services.list.query({ specialistId: profile.id })).items).toEqual([])
  expect(await mine.specialists.create.mutate(create)).toMatchObject({ userId: person.id })
})

test('a day follows the location’s time zone, on days of 23 and 25 hours too', async () => {
  const hours = [{ weekday: 7 as const, opensAt: '01:00', closesAt: '06:00' }]
  const { specialist, service } = await makeSpecialist(server, {
    timeZone: 'Europe/Rome',
    hours,
    service: { durationMinutes: 90, priceMinor: 700 },
  })
  const starts = async (date: string, serviceId?: string) =>
    (await clientOf(server).specialists.day.query({ id: specialist.id, date, serviceId })).slots.map(
      ({ id }) => id,
    )
  expect(await starts('2027-03-28', service.id)).toEqual(
    ['2027-03-28T00:00:00Z', '2027-03-28T01:30:00Z'].map((start) => `${service.id}@${start}`),
  )
  expect(await starts('2027-10-31', service.id)).toHaveLength(4)
  expect(await starts('2027-01-03', service.id)).toHaveLength(3)
  expect(await starts(testDate, service.id)).toEqual([])
  expect((await starts('2027-01-03')).slice(0, 2)).toEqual(
    ['2027-01-03T00:00:00Z', '2027-01-03T00:30:00Z'].map((start) => `${specialist.id}@${start}`),
  )
  const { body } = await rest(
    server,
    `/specialists/${specialist.id}/slots/2027-01-03?serviceId=${service.id}`,
  )
  expect(body).toMatchObject({
    spaceId: null,
    specialistId: specialist.id,
    serviceId: service.id,
    timeZone: 'Europe/Rome',
  })
  const other = (await makeSpecialist(server)).service
  expect(await reasonOf(starts(testDate, other.id))).toBe('NOT_FOUND')
})

test('time off closes only the specialist, lists affected bookings and can be removed', async () => {
  const { client, specialist, service, locationId } = await makeSpecialist(server)
  const space = await makeSpace(server, { locationId })
  const customer = clientOf(server, await makePerson(server))
  const booked = await customer.bookings.create.mutate({ serviceId: service.id, startsAt: at(9) })
  const closure = await client.closures.create.mutate({
    locationId,
    specialistId: specialist.id,
    startsAt: at(8),
    endsAt: at(12),
    reason: 'Dentist',
  })
  expect(closure).toMatchObject({ specialistId: specialist.id, spaceId: null, standing: [{ id: booked.id }] })
  const day = async () =>
    (await customer.specialists.day.query({ id: specialist.id, date: testDate, serviceId: service.id })).slots
  expect((await day()).slice(7, 13).map(({ status }) => status)).toEqual([
    'free',
    'closed',
    'closed',
    'closed',
    'closed',
    'free',
  ])
  expect((await customer.slots.day.query({ spaceId: space.id, date: testDate })).slots[9]?.status).toBe(
    'free',
  )
  expect(await reasonOf(customer.bookings.create.mutate({ serviceId: service.id, startsAt: at(10) }))).toBe(
    'SLOT_CLOSED',
  )
  await client.closures.remove.mutate({ id: closure.id })
  expect((await day())[10]?.status).toBe('free')

  const admin = clientOf(server, await makePerson(server, 'admin'))
  await admin.closures.create.mutate({ locationId, startsAt: at(8), endsAt: at(12) })
  expect((await day())[10]?.status).toBe('closed')
})

test('watchers of a specialist’s day see every change in the grid of any service', async () => {
  const { client, specialist, service, locationId } = await makeSpecialist(server, {
    service: { bufferMinutes: 30 },
  })
  await makeSpace(server, { locationId, kind: 'meeting_room' })
  const long = await client.services.create.mutate({
    specialistId: specialist.id,
    name: 'Long',
    durationMinutes: 150,
  })
  const roomed = await client.services.create.mutate({
    specialistId: specialist.id,
    name: 'Roomed',
    needsRoom: true,
  })
  const watched = [undefined, service.id, long.id, roomed.id]
  const sockets = await Promise.all(
    watched.map(async (serviceId) => {
      const socket = await openSocket(server)
      socket.send({
        type: 'join_specialist',
        specialistId: specialist.id,
        date: testDate,
        serviceId,
        requestId: 'join',
      })
      expect(await socket.next('joined_specialist')).toMatchObject({
        specialistId: specialist.id,
        requestId: 'join',
      })
      return { socket, serviceId, board: await socket.next('slots_status_update') }
    }),
  )
  const customer = clientOf(server, await makePerson(server))
  const first = await customer.bookings.create.mutate({ serviceId: service.id, startsAt: at(9) })
  await customer.bookings.confirm.mutate({ id: first.id })
  await customer.bookings.reschedule.mutate({ id: first.id, startsAt: at(13) })
  const second = await customer.bookings.create.mutate({ serviceId: roomed.id, startsAt: at(16) })
  await customer.bookings.create.mutate({ serviceId: long.id, startsAt: at(20) })
  await customer.bookings.cancel.mutate({ id: second.id })
  await endHolds(server)
  await sweepExpiredHolds(server.deps)
  for (const { socket, serviceId, board } of sockets) {
    const now = await customer.specialists.day.query({ id: specialist.id, date: testDate, serviceId })
    expect(now.version).toBe(board.version + 7)
    await socket.next('slot_update', ({ version }) => version === now.version)
    const slots = new Map<string, Slot>(board.slots.map((slot) => [slot.id, slot]))
    for (const message of socket.received)
      if (message.type === 'slot_update')
        for (const slot of message.slots) if (slots.has(slot.id)) slots.set(slot.id, slot)
    expect([...slots.values()]).toEqual(now.slots.map((slot) => ({ ...slot, heldByMe: false })))
    expect(await socket.next('slots_freed')).toMatchObject({ specialistId: specialist.id })
    socket.send({ type: 'leave_specialist', specialistId: specialist.id })
    expect(await socket.next('left_specialist')).toMatchObject({ specialistId: specialist.id })
  }
  // A change of the rules sends the whole board to each remaining watcher.
  const [remaining] = sockets
  remaining?.socket.send({
    type: 'join_specialist',
    specialistId: specialist.id,
    date: testDate,
    serviceId: long.id,
  })
  await until(
    () => remaining?.socket.received.filter(({ type }) => type === 'joined_specialist').length === 2,
  )
  await client.services.update.mutate({ id: long.id, durationMinutes: 60 })
  const whole = await remaining?.socket.next(
    'slots_status_update',
    ({ serviceId, slots }) => serviceId === long.id && slots.length === 24,
  )
  expect(whole).toMatchObject({ specialistId: specialist.id, spaceId: null })
  for (const { socket } of sockets) await socket.close()
})

test('watchers of a service see at once when its only room is taken or free again', async () => {
  const { specialist, service, locationId } = await makeSpecialist(server, { service: { needsRoom: true } })
  const room = await makeSpace(server, { locationId, kind: 'meeting_room' })
  const socket = await openSocket(server)
  const date = testDate
  socket.send({ type: 'join_specialist', specialistId: specialist.id, date, serviceId: service.id })
  const slot = (message: { slots: Slot[] }) => message.slots.find(({ startsAt }) => startsAt === at(9))
  const shows = (status: Slot['status']) =>
    socket.next('slots_status_update', (message) => slot(message)?.status === status)
  await shows('free')
  const other = clientOf(server, await makePerson(server))
  const { id } = await other.bookings.create.mutate({ spaceId: room.id, startsAt: at(9) })
  await shows('held')
  await other.bookings.confirm.mutate({ id })
  await shows('booked')
  const seen = socket.received.length
  await other.bookings.cancel.mutate({ id })
  await until(() =>
    socket.received
      .slice(seen)
      .some((message) => message.type === 'slots_status_update' && slot(message)?.status === 'free'),
  )
  const admin = clientOf(server, await makePerson(server, 'admin'))
  await admin.spaces.update.mutate({
    id: room.id,
    hours: allDay.map((row) => ({ ...row, opensAt: '12:00' })),
  })
  await shows('closed')
  await socket.close()
})

test('search filters by service, city, user, rating and free time on a day', async () => {
  const { specialist, service, locationId, client } = await makeSpecialist(server, {
    service: { name: 'Deep tissue massage', durationMinutes: 600 },
    hours: [{ weekday: 1, opensAt: '09:00', closesAt: '19:30' }],
  })
  const second = await makeSpecialist(server, { locationId, service: { name: 'Yoga 100%' } })
  const ids = async (input: Parameters<typeof client.specialists.list.query>[0]) =>
    (await client.specialists.list.query({ locationId, ...input })).items.map(({ id }) => id)
  expect(await ids({})).toEqual([specialist.id, second.specialist.id])
  expect(await ids({ service: 'MASSAGE' })).toEqual([specialist.id])
  expect(await ids({ service: '0%' })).toEqual([second.specialist.id])
  expect(await ids({ service: '_' })).toEqual([])
  expect(await ids({ serviceId: service.id })).toEqual([specialist.id])
  expect(await ids({ city: 'Nowhere' })).toEqual([])
  expect(await ids({ userId: second.person.id })).toEqual([second.specialist.id])
  expect(await ids({ minRating: 1 })).toEqual([])
  expect(await ids({ date: testDate, service: 'massage' })).toEqual([specialist.id])
  expect(await ids({ date: '2027-01-05' })).toEqual([second.specialist.id])
  const customer = clientOf(server, await makePerson(server))
  await customer.bookings.create.mutate({ serviceId: service.id, startsAt: at(9) })
  expect(await ids({ date: testDate })).toEqual([second.specialist.id])

  const firstPage = await client.specialists.list.query({ locationId, limit: 1 })
  expect(firstPage.items).toMatchObject([{ id: specialist.id }])
  expect(
    await client.specialists.list.query({ locationId, limit: 1, cursor: firstPage.nextCursor ?? undefined }),
  ).toMatchObject({ items: [{ id: second.specialist.id }], nextCursor: null })
})

test('a booked specialist cannot be removed; bookings outlive a deleted specialist', async () => {
  const { client, specialist, service, person } = await makeSpecialist(server)
  const customer = clientOf(server, await makePerson(server))
  const { id } = await customer.bookings.create.mutate({ serviceId: service.id, startsAt: at(9) })
  expect(await reasonOf(client.specialists.remove.mutate({ id: specialist.id }))).toBe('INVALID_STATE')
  expect(await reasonOf(client.auth.deleteMe.mutate())).toBe('INVALID_STATE')
  await customer.bookings.cancel.mutate({ id })
  expect(await client.auth.deleteMe.mutate()).toEqual({ ok: true })
  expect(await reasonOf(customer.specialists.byId.query({ id: specialist.id }))).toBe('NOT_FOUND')
  expect(await reasonOf(customer.bookings.create.mutate({ serviceId: service.id, startsAt: at(9) }))).toBe(
    'NOT_FOUND',
  )
  expect(await customer.bookings.byId.query({ id })).toMatchObject({ specialistId: specialist.id })
  const admin = clientOf(server, await makePerson(server, 'admin'))
  expect((await admin.users.list.query({ search: person.email })).items).toEqual([])
})
