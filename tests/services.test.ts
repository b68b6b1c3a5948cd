import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import type { RunningServer } from '../src/server'
import { completePastBookings, declineUnanswered } from '../src/services/bookings/sweep'
import { bookingRow } from './support/money'
import { openSocket } from './support/socket'
import { letPass, makeSpecialist } from './support/specialists'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  testDate,
} from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ queue: true })
})
afterAll(stopTestServers)

describe('a booking of a service', () => {
  test('is pending until its specialist accepts it, and both sides receive each change', async () => {
    const { person, client, service, specialist } = await makeSpecialist(server, {
      service: { needsApproval: true, priceMinor: 5000, depositMinor: 1500 },
    })
    const ada = await makePerson(server)
    const [mine, theirs] = [await openSocket(server, ada.token), await openSocket(server, person.token)]
    const customer = clientOf(server, ada)

    const hold = await customer.bookings.create.mutate({ serviceId: service.id, startsAt: at(9) })
    expect(hold).toMatchObject({
      status: 'held',
      specialistId: specialist.id,
      serviceId: service.id,
      spaceId: null,
      unit: null,
      startsAt: at(9),
      endsAt: at(10),
      priceMinor: 5000,
      depositMinor: 1500,
    })
    expect(await reasonOf(customer.bookings.confirm.mutate({ id: hold.id }))).toBe('PAYMENT_REQUIRED')
    await server.deps.db.execute(sql`UPDATE bookings SET paid_minor = 1500 WHERE id = ${hold.id}`)
    const pending = await customer.bookings.confirm.mutate({ id: hold.id })
    expect(pending.status).toBe('pending')
    expect(Date.parse(pending.answerBy ?? '') - Date.now()).toBeWithin(23.9 * 3_600_000, 24.1 * 3_600_000)

    const { name } = await customer.auth.me.query()
    expect(await client.bookings.list.query({ as: 'specialist' })).toMatchObject({
      items: [{ id: hold.id, customerName: name }],
    })
    expect(await reasonOf(customer.bookings.accept.mutate({ id: hold.id }))).toBe('NOT_ALLOWED')
    expect(await client.bookings.accept.mutate({ id: hold.id })).toMatchObject({ status: 'confirmed' })
    expect(await reasonOf(client.bookings.accept.mutate({ id: hold.id }))).toBe('INVALID_STATE')
    await letPass(server, hold.id)
    expect(await client.bookings.complete.mutate({ id: hold.id })).toMatchObject({ status: 'completed' })
    for (const socket of [mine, theirs]) {
      for (const status of ['held', 'pending', 'confirmed', 'completed'])
        await socket.next(
          'booking_update',
          ({ booking }) => booking.id === hold.id && booking.status === status,
        )
      await socket.close()
    }
  })

  test('can be read and changed only by its two sides and by admins', async () => {
    const { client, service } = await makeSpecialist(server, { service: { needsApproval: true } })
    const [ada, bob] = [await makePerson(server), await makePerson(server)]
    const other = (await makeSpecialist(server)).client
    const hold = await clientOf(server, ada).bookings.create.mutate({
      serviceId: service.id,
      startsAt: at(9),
    })
    await clientOf(server, ada).bookings.confirm.mutate({ id: hold.id })
    for (const stranger of [clientOf(server, bob), other]) {
      for (const verb of ['accept', 'decline', 'cancel', 'complete', 'noShow'] as const)
        expect(await reasonOf(stranger.bookings[verb].mutate({ id: hold.id }))).toBe('NOT_FOUND')
      expect(await reasonOf(stranger.bookings.byId.query({ id: hold.id }))).toBe('NOT_FOUND')
    }
    expect(await reasonOf(clientOf(server, ada).bookings.decline.mutate({ id: hold.id }))).toBe('NOT_ALLOWED')
    expect(await reasonOf(clientOf(server, ada).bookings.list.query({ as: 'specialist' }))).toBe(
      'NOT_ALLOWED',
    )
    expect(await client.bookings.byId.query({ id: hold.id })).toMatchObject({ status: 'pending' })
    expect(await client.bookings.decline.mutate({ id: hold.id })).toMatchObject({ status: 'declined' })
    const next = await clientOf(server, ada).bookings.create.mutate({
      serviceId: service.id,
      startsAt: at(11),
    })
    const admin = clientOf(server, await makePerson(server, 'admin'))
    await clientOf(server, ada).bookings.confirm.mutate({ id: next.id })
    expect(await admin.bookings.accept.mutate({ id: next.id })).toMatchObject({ status: 'confirmed' })
  })

  test('cannot be accepted after its deadline, and is then declined', async () => {
    const { client, service } = await makeSpecialist(server, {
      service: { needsApproval: true, answerHours: 2 },
    })
    const customer = clientOf(server, await makePerson(server))
    const [first, second] = await Promise.all(
      [at(9), at(11)].map(async (startsAt) => {
        const { id } = await customer.bookings.create.mutate({ serviceId: service.id, startsAt })
        return customer.bookings.confirm.mutate({ id })
      }),
    )
    expect(await declineUnanswered(server.deps)).toBe(0)
    await server.deps.db.execute(
      sql`UPDATE bookings SET answer_by = clock_timestamp() WHERE id = ${first?.id ?? ''}`,
    )
    expect(await reasonOf(client.bookings.accept.mutate({ id: first?.id ?? '' }))).toBe('TOO_LATE')
    expect(await declineUnanswered(server.deps)).toBe(1)
    expect(await customer.bookings.byId.query({ id: first?.id ?? '' })).toMatchObject({ status: 'declined' })
    expect(await customer.bookings.byId.query({ id: second?.id ?? '' })).toMatchObject({ status: 'pending' })
    const board = await customer.specialists.day.query({
      id: service.specialistId,
      date: testDate,
      serviceId: service.id,
    })
    expect([board.slots[9]?.status, board.slots[11]?.status]).toEqual(['free', 'booked'])
  })

  test('is not confirmed without approval, even by an SQL statement', async () => {
    const { service } = await makeSpecialist(server, { service: { needsApproval: true } })
    const { id } = await clientOf(server, await makePerson(server)).bookings.create.mutate({
      serviceId: service.id,
      startsAt: at(9),
    })
    const confirming = server.deps.db.execute(sql`UPDATE bookings SET status = 'confirmed' WHERE id = ${id}`)
    expect(await confirming.catch((error) => error.cause.constraint_name)).toBe('bookings_ask')
    expect(await bookingRow(server, id)).toMatchObject({ status: 'held' })
  })

  test('keeps the price, deposit, buffer and policy of the time it was made', async () => {
    const { client, service } = await makeSpecialist(server, {
      service: {
        priceMinor: 3000,
        depositMinor: 1000,
        bufferMinutes: 15,
        cancellation: [{ hoursBefore: 48, refundPercent: 50 }],
      },
    })
    const customer = clientOf(server, await makePerson(server))
    const hold = await customer.bookings.create.mutate({ serviceId: service.id, startsAt: at(9) })
    await client.services.update.mutate({
      id: service.id,
      priceMinor: 9000,
      depositMinor: 0,
      bufferMinutes: 60,
      cancellation: [],
    })
    const { answerBy: _, ...same } = hold
    expect(await customer.bookings.byId.query({ id: hold.id })).toMatchObject(same)
    expect(hold).toMatchObject({ cancellation: [{ hoursBefore: 48, refundPercent: 50 }] })
    // 09:00 to 10:00 and the old buffer of 15 minutes.
    expect(await bookingRow(server, hold.id)).toMatchObject({ claimed: expect.stringContaining('10:15:00') })
    // Rescheduling an unpaid hold applies the current terms.
    const moved = await customer.bookings.reschedule.mutate({ id: hold.id, startsAt: at(13) })
    expect(moved).toMatchObject({ priceMinor: 9000, depositMinor: 0, cancellation: [] })
  })

  test('frees its time if cancelled or released, and the rest of it if a no-show', async () => {
    const { client, service, specialist } = await makeSpecialist(server)
    const customer = clientOf(server, await makePerson(server))
    const slotId = `${service.id}@${at(9)}`
    const hold = await customer.slots.hold.mutate({ slotId })
    expect(hold).toMatchObject({ serviceId: service.id, specialistId: specialist.id, startsAt: at(9) })
    expect(await customer.slots.book.mutate({ slotId })).toMatchObject({ id: hold.id, status: 'confirmed' })
    expect(await client.bookings.cancel.mutate({ id: hold.id })).toMatchObject({ status: 'cancelled' })
    const again = await customer.slots.hold.mutate({ slotId })
    expect(await customer.slots.release.mutate({ slotId })).toMatchObject({
      id: again.id,
      status: 'cancelled',
    })
    const third = await customer.bookings.create.mutate({ serviceId: service.id, startsAt: at(9) })
    await customer.bookings.confirm.mutate({ id: third.id })
    await server.deps.db.execute(sql`
      UPDATE bookings SET starts_at = clock_timestamp() - interval '10 minutes', ends_at = clock_timestamp() + interval '50 minutes',
        claimed = tstzrange(clock_timestamp() - interval '10 minutes', clock_timestamp() + interval '50 minutes') WHERE id = ${third.id}`)
    expect(await reasonOf(customer.bookings.noShow.mutate({ id: third.id }))).toBe('NOT_ALLOWED')
    expect(await client.bookings.noShow.mutate({ id: third.id })).toMatchObject({ status: 'no_show' })
    const [row] = await server.deps.db.execute<{ over: boolean }>(
      sql`SELECT upper(claimed) <= clock_timestamp() AS over FROM bookings WHERE id = ${third.id}`,
    )
    expect(row?.over).toBe(true)
  })

  test('is completed by the scheduled job after its end', async () => {
    const { service } = await makeSpecialist(server)
    const customer = clientOf(server, await makePerson(server))
    const { id } = await customer.bookings.create.mutate({ serviceId: service.id, startsAt: at(15) })
    await customer.bookings.confirm.mutate({ id })
    await letPass(server, id)
    expect(await completePastBookings(server.deps)).toBeGreaterThan(0)
    expect(await customer.bookings.byId.query({ id })).toMatchObject({ status: 'completed' })
  })

  test('is refused with a reason if the request is invalid, and leaves nothing behind', async () => {
    const { service, specialist, locationId } = await makeSpecialist(server, {
      service: { durationMinutes: 90 },
      hours: [{ weekday: 1, opensAt: '09:00', closesAt: '12:30' }],
      minNoticeMinutes: 60,
    })
    const space = await makeSpace(server, { locationId })
    const other = (await makeSpecialist(server)).specialist
    const customer = clientOf(server, await makePerson(server))
    const create = (input: Parameters<typeof customer.bookings.create.mutate>[0]) =>
      reasonOf(customer.bookings.create.mutate(input))
    const serviceId = service.id
    expect(await create({ startsAt: at(9) })).toBe('VALIDATION')
    expect(await create({ specialistId: specialist.id, startsAt: at(9) })).toBe('VALIDATION')
    expect(await create({ specialistId: specialist.id, spaceId: space.id, startsAt: at(9) })).toBe(
      'VALIDATION',
    )
    expect(await create({ serviceId, specialistId: other.id, startsAt: at(9) })).toBe('VALIDATION')
    expect(await create({ serviceId, spaceId: space.id, startsAt: at(9) })).toBe('VALIDATION')
    expect(await create({ serviceId, startsAt: at(9), endsAt: at(9) })).toBe('VALIDATION')
    expect(await create({ serviceId: Bun.randomUUIDv7(), startsAt: at(9) })).toBe('NOT_FOUND')
    expect(await create({ serviceId: specialist.id, startsAt: at(9) })).toBe('NOT_FOUND')
    expect(await create({ serviceId, startsAt: at(9), endsAt: at(12) })).toBe('TOO_LONG')
    expect(await create({ serviceId, startsAt: at(9), endsAt: at(10) })).toBe('OFF_GRID')
    expect(await create({ serviceId, startsAt: at(10) })).toBe('OFF_GRID')
    expect(await create({ serviceId, startsAt: at(12) })).toBe('SLOT_CLOSED')
    expect(await create({ serviceId, startsAt: at(9, '2027-01-05') })).toBe('SLOT_CLOSED')
    expect(await create({ serviceId, startsAt: '2020-01-06T09:00:00Z' })).toBe('SLOT_PAST')
    expect(await reasonOf(customer.slots.hold.mutate({ slotId: `${specialist.id}@${at(9)}` }))).toBe(
      'NOT_FOUND',
    )
    expect((await customer.bookings.list.query({})).items).toEqual([])
  })
})
