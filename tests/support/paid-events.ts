import { eq, sql } from 'drizzle-orm'
import { eventAttendees, payments, refunds } from '../../src/db/schema'
import type { RunningServer } from '../../src/server'
import { type EventSettings, makeEvent } from './events'
import { payInBrowser, stripeOf, untilBooking } from './money'
import { clientOf, makePerson, type TestPerson, until } from './world'

/** Creates an event that costs 20.00; `maker` is its organizer. */
export async function makePaidEvent(server: RunningServer, settings: EventSettings = {}) {
  const maker = await makePerson(server)
  const event = await makeEvent(server, maker, { priceMinor: 2000, ...settings })
  return { ...event, maker }
}

/** Holds a seat and creates the payment intent. */
export async function takePlace(server: RunningServer, id: string, given?: TestPerson) {
  const person = given ?? (await makePerson(server))
  const client = clientOf(server, person)
  const { mine, bookingId } = await client.events.attend.mutate({ id })
  if (mine !== 'held' || !bookingId) throw new Error(`expected a held seat, got ${mine}`)
  return { person, client, bookingId, intent: await client.payments.createIntent.mutate({ bookingId }) }
}

/** Holds a seat and pays for it. */
export async function payForPlace(server: RunningServer, id: string, given?: TestPerson) {
  const place = await takePlace(server, id, given)
  await payInBrowser(server, place.intent)
  await untilBooking(server, place.bookingId, ({ status }) => status === 'confirmed')
  return place
}

/** Makes the held seats of an event, or one of them, stale. */
export async function endPlaces({ deps }: RunningServer, eventId: string, bookingId?: string): Promise<void> {
  const only = bookingId ? sql` AND id = ${bookingId}` : sql``
  await deps.db.execute(
    sql`UPDATE bookings SET hold_expires_at = clock_timestamp() - interval '1 second'
      WHERE status = 'held' AND attends_event_id = ${eventId}${only}`,
  )
}

/** The status of each user at an event: `attending`, `held` or `waiting`. */
export async function partsIn({ deps }: RunningServer, eventId: string): Promise<Record<string, string>> {
  const rows = await deps.db.select().from(eventAttendees).where(eq(eventAttendees.eventId, eventId))
  return Object.fromEntries(rows.map(({ userId, status }) => [userId, status]))
}

/** Waits for requested refunds, then returns the totals at Stripe and in our database. */
export async function ledgersOf(server: RunningServer) {
  await until(
    async () =>
      (await server.deps.db.$count(
        refunds,
        sql`${refunds.status} = 'requested' AND ${refunds.stripeRefundId} IS NULL`,
      )) === 0,
    30_000,
  )
  const stripe = stripeOf(server)
  const atStripe = { received: 0, back: 0 }
  for await (const intent of stripe.paymentIntents.list({ limit: 100 }))
    atStripe.received += intent.amount_received
  for await (const refund of stripe.refunds.list({ limit: 100 }))
    if (refund.status === 'succeeded') atStripe.back += refund.amount
  const ours = { received: 0, back: 0 }
  for (const { receivedMinor } of await server.deps.db.select().from(payments)) ours.received += receivedMinor
  for (const { status, amountMinor } of await server.deps.db.select().from(refunds))
    if (status === 'succeeded') ours.back += amountMinor
  return { atStripe, ours }
}
