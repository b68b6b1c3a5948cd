import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import type { RunningServer } from '../src/server'
import { declineUnanswered } from '../src/services/bookings/sweep'
import { bookingRow, payInBrowser, untilBooking } from './support/money'
import { letPass, makeSpecialist } from './support/specialists'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  until,
} from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ queue: true })
})
afterAll(stopTestServers)

describe('payments for a service', () => {
  const offer = { needsApproval: true, priceMinor: 5000, depositMinor: 1500, cancellation: [] }

  /** Pays the deposit of a booking that needs approval, which makes it pending. */
  async function requestBooking(service: { id: string }, startsAt: string) {
    const client = clientOf(server, await makePerson(server))
    const { id } = await client.bookings.create.mutate({ serviceId: service.id, startsAt })
    const intent = await client.payments.createIntent.mutate({ bookingId: id })
    expect(intent).toMatchObject({ amountMinor: 1500 })
    expect((await payInBrowser(server, intent)).status).toBe(200)
    const row = await untilBooking(server, id, ({ status }) => status !== 'held')
    expect(row).toMatchObject({ status: 'pending', paidMinor: 1500, balanceDueMinor: 3500 })
    return { id, client }
  }

  test('a deposit makes a hold pending, and completion charges the rest to the same card', async () => {
    const { client: specialist, service } = await makeSpecialist(server, { service: offer })
    const { id, client } = await requestBooking(service, at(9))
    await specialist.services.update.mutate({ id: service.id, priceMinor: 9000, depositMinor: 0 })
    expect(await specialist.bookings.accept.mutate({ id })).toMatchObject({ status: 'confirmed' })
    await letPass(server, id)
    await specialist.bookings.complete.mutate({ id })
    const row = await untilBooking(server, id, ({ balanceDueMinor }) => balanceDueMinor === 0)
    expect(row).toMatchObject({ status: 'completed', paidMinor: 5000, refundedMinor: 0 })
    const paid = (await client.payments.list.query({ bookingId: id })).items
    expect(paid.map(({ kind, status, amountMinor }) => `${kind} ${status} ${amountMinor}`).sort()).toEqual([
      'balance succeeded 3500',
      'deposit succeeded 1500',
    ])
  })

  test('a declined or unanswered booking is refunded in full and owes nothing', async () => {
    const { client: specialist, service } = await makeSpecialist(server, { service: offer })
    const [declined, unanswered] = [
      await requestBooking(service, at(9)),
      await requestBooking(service, at(11)),
    ]
    await specialist.bookings.decline.mutate({ id: declined.id })
    await server.deps.db.execute(
      sql`UPDATE bookings SET answer_by = clock_timestamp() WHERE id = ${unanswered.id}`,
    )
    expect(await declineUnanswered(server.deps)).toBe(1)
    for (const { id, client } of [declined, unanswered]) {
      expect(await bookingRow(server, id)).toMatchObject({
        status: 'declined',
        paidMinor: 1500,
        refundedMinor: 1500,
        balanceDueMinor: 0,
      })
      const made = await until(async () => {
        const rows = await server.deps.db.execute<{ status: string }>(
          sql`SELECT r.status FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE p.booking_id = ${id}`,
        )
        return rows.every(({ status }) => status === 'succeeded') ? rows.length : undefined
      })
      expect(made).toBe(1)
      expect((await client.payments.list.query({ bookingId: id })).items).toMatchObject([
        { kind: 'deposit', status: 'succeeded', refundedMinor: 1500 },
      ])
    }
  })

  /** Pays without a webhook and ends the hold, so the payment is noticed late. */
  async function payLate(service: { id: string }, hour: number) {
    const client = clientOf(server, await makePerson(server))
    const { id } = await client.bookings.create.mutate({ serviceId: service.id, startsAt: at(hour) })
    const intent = await client.payments.createIntent.mutate({ bookingId: id })
    await payInBrowser(server, intent)
    await endHold(id)
    return { id, confirm: () => client.payments.confirm.mutate({ bookingId: id }) }
  }
  const endHold = (id: string) =>
    server.deps.db.execute(sql`UPDATE bookings SET hold_expires_at = clock_timestamp() WHERE id = ${id}`)

  test('a late payment takes specialist and room back if both are free, else is refunded', async () => {
    const service = { needsRoom: true, priceMinor: 2000 }
    const asked = await makeSpecialist(server, { service: { ...service, needsApproval: true } })
    const { locationId } = asked
    const beside = await makeSpecialist(server, { locationId, service })
    await makeSpace(server, { locationId, kind: 'meeting_room', units: 2 })
    const other = clientOf(server, await makePerson(server))
    server.sandbox?.setFaults({ dropWebhook: 1 })

    const stale = await other.bookings.create.mutate({ serviceId: beside.service.id, startsAt: at(9) })
    const first = await payLate(asked.service, 9)
    await endHold(stale.id)
    expect(await first.confirm()).toMatchObject({ booking: { status: 'pending', paidMinor: 2000 } })
    // The stale hold expires although another specialist's calendar has it too.
    expect(await bookingRow(server, stale.id)).toMatchObject({ status: 'expired' })

    const second = await payLate(beside.service, 11)
    await other.bookings.create.mutate({ serviceId: beside.service.id, startsAt: at(11) })
    expect(await second.confirm()).toMatchObject({ booking: { status: 'expired', refundedMinor: 2000 } })

    const third = await payLate(beside.service, 13)
    const time = { locationId, startsAt: at(13), endsAt: at(14) }
    await beside.client.closures.create.mutate({
      specialistId: beside.specialist.id,
      ...time,
    })
    expect(await third.confirm()).toMatchObject({ booking: { status: 'expired', refundedMinor: 2000 } })
    server.sandbox?.setFaults({})
  })

  test('a price, deposit or balance that no card can pay is refused', async () => {
    const { client, service } = await makeSpecialist(server)
    for (const [priceMinor, depositMinor] of [
      [40, 0],
      [5000, 40],
      [5000, 4960],
      [5000, 5001],
    ])
      expect(
        await reasonOf(client.services.update.mutate({ id: service.id, priceMinor, depositMinor })),
      ).toBe('VALIDATION')
    expect(
      await client.services.update.mutate({ id: service.id, priceMinor: 5000, depositMinor: 5000 }),
    ).toMatchObject({ depositMinor: 5000 })
  })
})
