import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { events } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { sweepUnpaidSeats } from '../src/services/bookings/event-seats'
import { completePastBookings, sweepExpiredHolds } from '../src/services/bookings/sweep'
import { makeEvent, makePeople, noticesOf } from './support/events'
import { balanceOf, givePoints } from './support/loyalty'
import { bookingRow, holdToPay, payInBrowser, untilBooking, untilPayment } from './support/money'
import { untilTold } from './support/notifications'
import { endPlaces, ledgersOf, makePaidEvent, partsIn, payForPlace, takePlace } from './support/paid-events'
import { sameStripe } from './support/pair'
import { randomFrom, sized } from './support/proof'
import { openSocket } from './support/socket'
import {
  at,
  clientOf,
  endHolds,
  makePerson,
  reasonOf,
  startTestServer,
  stopTestServers,
  until,
} from './support/world'

const HOUR = 3_600_000

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ queue: true, env: { DATABASE_POOL: '20' } })
})
afterAll(stopTestServers)

/** Reschedules an event and its seats to begin in so many hours. */
async function beginsIn(id: string, hours: number): Promise<void> {
  const times = {
    startsAt: new Date(Date.now() + hours * HOUR),
    endsAt: new Date(Date.now() + (hours + 2) * HOUR),
  }
  await server.deps.db.update(events).set(times).where(eq(events.id, id))
  await server.deps.db.execute(
    sql`UPDATE bookings SET starts_at = e.starts_at, first_starts_at = e.starts_at, ends_at = e.ends_at,
      claimed = tstzrange(e.starts_at, e.ends_at) FROM events e WHERE e.id = attends_event_id AND e.id = ${id}`,
  )
}

test('a seat with a price is held for its user and attended once it is paid', async () => {
  const { id, maker } = await makePaidEvent(server, { capacity: 2 })
  const { person, client, bookingId, intent } = await takePlace(server, id)
  expect(intent).toMatchObject({ amountMinor: 2000, currency: 'EUR' })
  const other = clientOf(server, await makePerson(server))
  expect(await other.events.byId.query({ id })).toMatchObject({
    attending: 1,
    held: 1,
    waiting: 0,
    mine: null,
  })
  expect(await reasonOf(other.events.attend.mutate({ id, wait: false }))).toBe('EVENT_FULL')
  expect(await client.events.attend.mutate({ id })).toMatchObject({ mine: 'held', bookingId, held: 1 })
  const booking = await client.bookings.byId.query({ id: bookingId })
  expect(booking).toMatchObject({ status: 'held', eventId: id, spaceId: null, priceMinor: 2000 })
  expect(Date.parse(booking.holdExpiresAt ?? '') - Date.parse(booking.createdAt)).toBeGreaterThan(1_400_000)
  expect(await reasonOf(other.payments.createIntent.mutate({ bookingId }))).toBe('NOT_FOUND')

  const socket = await openSocket(server, person.token)
  await payInBrowser(server, intent)
  await untilBooking(server, bookingId, ({ status }) => status === 'confirmed')
  expect((await socket.next('booking_update')).booking).toMatchObject({ id: bookingId, paidMinor: 2000 })
  expect(await client.events.byId.query({ id })).toMatchObject({ attending: 2, held: 0, mine: 'attending' })
  expect((await client.bookings.list.query({ kind: 'attendance' })).items.map((one) => one.id)).toEqual([
    bookingId,
  ])
  expect(await client.payments.confirm.mutate({ bookingId })).toMatchObject({
    booking: { status: 'confirmed' },
  })
  // The organizer never pays, even after leaving.
  expect(await clientOf(server, maker).events.leave.mutate({ id })).toMatchObject({ attending: 1 })
  expect(await clientOf(server, maker).events.attend.mutate({ id })).toMatchObject({
    mine: 'attending',
    bookingId: null,
  })
  await socket.close()
})

test('an unpaid seat goes to the waitlist, with one notification and time to pay', async () => {
  const { id } = await makePaidEvent(server, { capacity: 2 })
  const unpaid = await takePlace(server, id)
  const [ada, bob] = await makePeople(server, 2)
  if (!ada || !bob) throw new Error('two users are needed')
  for (const person of [ada, bob])
    expect(await clientOf(server, person).events.attend.mutate({ id })).toMatchObject({ mine: 'waiting' })
  const sockets = [await openSocket(server, ada.token), await openSocket(server, bob.token)] as const

  await endPlaces(server, id)
  const swept = await Promise.all([1, 2, 3].map(() => sweepUnpaidSeats(server.deps)))
  expect(swept.reduce((sum, count) => sum + count, 0)).toBe(1)
  expect(await bookingRow(server, unpaid.bookingId)).toMatchObject({ status: 'expired' })
  const { text } = await sockets[0].next('notification', ({ kind }) => kind === 'event_place_to_pay')
  expect(text).toContain('€20.00')
  const { mine, bookingId } = await clientOf(server, ada).events.byId.query({ id })
  expect(mine).toBe('held')
  const { holdExpiresAt } = await clientOf(server, ada).bookings.byId.query({ id: bookingId ?? '' })
  expect(Date.parse(holdExpiresAt ?? '')).toBeGreaterThan(Date.now() + 11 * HOUR)
  // The intent of the expired seat can no longer be paid.
  await untilPayment(server, unpaid.intent.paymentId, ({ status }) => status === 'cancelled')

  await endPlaces(server, id)
  await sweepUnpaidSeats(server.deps)
  await payForPlace(server, id, bob)
  expect(await partsIn(server, id)).toMatchObject({ [bob.id]: 'attending' })
  await untilTold(server)
  await sockets[0].next('notification', ({ kind }) => kind === 'event_place_lost')
  expect(sockets.map((socket) => noticesOf(socket, id))).toEqual([
    ['event_place_to_pay', 'event_place_lost'],
    ['event_place_to_pay'],
  ])
  await Promise.all(sockets.map((socket) => socket.close()))
})

test('losing an unpaid seat notifies its user once, unless it is paid late', async () => {
  const { id } = await makePaidEvent(server)
  const loses = await takePlace(server, id)
  await loses.client.auth.update.mutate({ language: 'it' })
  const late = await unheard(async () => {
    const place = await takePlace(server, id)
    await payInBrowser(server, place.intent)
    return place
  })
  await endPlaces(server, id)
  // One transaction expires both seats and restores the paid one.
  const { booking } = await late.client.payments.confirm.mutate({ bookingId: late.bookingId })
  expect(booking).toMatchObject({ status: 'confirmed' })
  await Promise.all([1, 2].map(() => sweepUnpaidSeats(server.deps)))
  await untilTold(server)
  const { items } = await loses.client.notifications.list.query({})
  expect(items).toMatchObject([{ kind: 'event_place_lost', eventId: id, bookingId: null }])
  expect(items[0]?.text).toContain('Il tuo posto a «Breakfast»')
  const toldLate = (await late.client.notifications.list.query({})).items.map(({ kind }) => kind)
  expect(toldLate).not.toContain('event_place_lost')
})

test('hundreds of users move up from the waitlist in a few statements', async () => {
  const { id, maker } = await makePaidEvent(server, { capacity: 1 })
  const { db } = server.deps
  await db.execute(sql`
    WITH added AS (INSERT INTO users (id, email, name) SELECT gen_random_uuid(), gen_random_uuid() || '@example.com', 'One of many' FROM generate_series(1, 450) RETURNING id)
    INSERT INTO event_attendees (event_id, user_id, status) SELECT ${id}, id, 'waiting' FROM added`)
  const roomier = await clientOf(server, maker).events.update.mutate({ id, capacity: 440 })
  expect(roomier).toMatchObject({ attending: 1, held: 439, waiting: 11 })
  const [steps] = await db.execute<{ people: number; steps: number; told: number }>(sql`
    SELECT count(DISTINCT b.user_id)::int AS people, count(DISTINCT b.cmin::text)::int AS steps,
      (SELECT count(*)::int FROM notifications n WHERE n.event_id = ${id} AND n.kind = 'event_place_to_pay') AS told
    FROM bookings b JOIN event_attendees a ON a.booking_id = b.id WHERE b.attends_event_id = ${id} AND b.status = 'held'`)
  expect(steps).toMatchObject({ people: 439, told: 439 })
  expect(steps?.steps).toBeLessThan(10)
  const [order] = await db.execute<{ isKept: boolean }>(sql`
    SELECT max(position) FILTER (WHERE status = 'held') < min(position) FILTER (WHERE status = 'waiting') AS "isKept"
    FROM event_attendees WHERE event_id = ${id}`)
  expect(order?.isKept).toBe(true)
})

test('unpaid seats are confirmed without payment once the event is free', async () => {
  const { id, maker } = await makePaidEvent(server, { capacity: 3 })
  const { person, bookingId, intent } = await takePlace(server, id)
  const paid = await payForPlace(server, id)
  const waiting = await makePerson(server)
  await clientOf(server, waiting).events.attend.mutate({ id })
  const socket = await openSocket(server, person.token)
  const free = await clientOf(server, maker).events.update.mutate({ id, priceMinor: 0 })
  expect(free).toMatchObject({ attending: 3, held: 0, waiting: 1 })
  expect(await partsIn(server, id)).toMatchObject({
    [person.id]: 'attending',
    [paid.person.id]: 'attending',
    [waiting.id]: 'waiting',
  })
  expect(await socket.next('notification', ({ kind }) => kind === 'event_place')).toMatchObject({
    eventId: id,
  })
  expect(await bookingRow(server, bookingId)).toMatchObject({ status: 'cancelled', paidMinor: 0 })
  await untilPayment(server, intent.paymentId, ({ status }) => status === 'cancelled')
  await clientOf(server, person).events.leave.mutate({ id })
  expect(await partsIn(server, id)).toMatchObject({ [waiting.id]: 'attending' })
  await socket.close()
})

test('a seat’s hold ends at the start of the event, and no seat is sold after it', async () => {
  const { id } = await makePaidEvent(server, { capacity: 2 })
  await beginsIn(id, 0.1)
  const { bookingId, client } = await takePlace(server, id)
  const { startsAt } = await client.events.byId.query({ id })
  expect((await bookingRow(server, bookingId)).holdExpiresAt?.getTime()).toBe(Date.parse(startsAt))
  const late = await makePerson(server)
  expect(await clientOf(server, late).events.attend.mutate({ id })).toMatchObject({ mine: 'waiting' })
  await beginsIn(id, -0.1)
  await endPlaces(server, id)
  await sweepUnpaidSeats(server.deps)
  expect(await partsIn(server, id)).toMatchObject({ [late.id]: 'waiting' })
  expect(await reasonOf(clientOf(server, await makePerson(server)).events.attend.mutate({ id }))).toBe(
    'TOO_LATE',
  )
})

test('late money gets the seat back if one is free, and is refunded otherwise', async () => {
  const { id } = await makePaidEvent(server, { capacity: 3 })
  const [first, second] = await payUnheard(id, id)
  await endPlaces(server, id)
  // Leaves one seat for two late payments.
  await takePlace(server, id)
  const [paid, refunded] = await Promise.all(
    [first, second].map(({ client, bookingId }) => client.payments.confirm.mutate({ bookingId })),
  ).then((all) => all.map(({ booking }) => booking).sort((a, b) => a.status.localeCompare(b.status)))
  expect([paid, refunded]).toMatchObject([
    { status: 'confirmed', paidMinor: 2000, refundedMinor: 0 },
    { status: 'expired', paidMinor: 2000, refundedMinor: 2000 },
  ])
  expect(await clientOf(server).events.byId.query({ id })).toMatchObject({ attending: 2, held: 1 })
  expect(await partsIn(server, id)).toMatchObject({ [paid?.userId ?? '']: 'attending' })
})

/** Pays for two seats while Stripe's webhooks are dropped. */
async function payUnheard(...ids: [string, string]) {
  return unheard(async () => {
    const places = [await takePlace(server, ids[0]), await takePlace(server, ids[1])] as const
    await Promise.all(places.map(({ intent }) => payInBrowser(server, intent)))
    return places
  })
}

/** Runs with Stripe's webhooks dropped. */
async function unheard<T>(run: () => Promise<T>): Promise<T> {
  server.sandbox?.setFaults({ dropWebhook: 1 })
  const result = await run()
  server.sandbox?.setFaults({})
  return result
}

test('late money takes no second seat, and no seat at a rescheduled event', async () => {
  const [{ id, maker }, moved] = [await makePaidEvent(server), await makePaidEvent(server)]
  const [twice, elsewhere] = await payUnheard(id, moved.id)
  for (const eventId of [id, moved.id]) await endPlaces(server, eventId)
  const again = await takePlace(server, id, twice.person)
  await clientOf(server, moved.maker).events.update.mutate({ id: moved.id, startsAt: at(8) })
  for (const { client, bookingId } of [twice, elsewhere])
    expect((await client.payments.confirm.mutate({ bookingId })).booking).toMatchObject({
      status: 'expired',
      refundedMinor: 2000,
    })
  expect(await partsIn(server, id)).toEqual({ [maker.id]: 'attending', [twice.person.id]: 'held' })
  await payInBrowser(server, again.intent)
  await untilBooking(server, again.bookingId, ({ status }) => status === 'confirmed')
})

test('late money for a deleted user or an event that is now free is refunded', async () => {
  // Without webhooks and queue workers, only `payments.confirm` learns of the money.
  const still = await startTestServer({ env: sameStripe(server) })
  const [{ id }, free] = [await makePaidEvent(still), await makePaidEvent(still)]
  const [gone, late, room] = [
    await takePlace(still, id),
    await takePlace(still, free.id),
    await holdToPay(still),
  ]
  for (const { intent } of [gone, late, room]) await payInBrowser(server, intent)
  for (const eventId of [id, free.id]) await endPlaces(still, eventId)
  await endHolds(still, room.space.id)
  await sweepUnpaidSeats(still.deps)
  await sweepExpiredHolds(still.deps)
  await clientOf(still, free.maker).events.update.mutate({ id: free.id, priceMinor: 0 })
  for (const { client } of [gone, room]) await client.auth.deleteMe.mutate()
  const admin = clientOf(still, await makePerson(still, 'admin'))
  for (const bookingId of [gone.bookingId, late.bookingId, room.booking.id])
    expect((await admin.payments.confirm.mutate({ bookingId })).booking).toMatchObject({
      status: 'expired',
      paidMinor: 2000,
      refundedMinor: 2000,
    })
  expect(await clientOf(still).events.byId.query({ id })).toMatchObject({ attending: 1, held: 0 })
  expect(await partsIn(still, free.id)).toEqual({ [free.maker.id]: 'attending' })
})

test('leaving refunds by the policy of the purchase and passes the seat on', async () => {
  const kept = [{ hoursBefore: 48, refundPercent: 50 }]
  const { id, maker } = await makePaidEvent(server, { capacity: 4, cancellation: kept })
  const [early, late, unpaid] = [
    await payForPlace(server, id),
    await payForPlace(server, id),
    await takePlace(server, id),
  ]
  const waiting = await makePerson(server)
  await clientOf(server, waiting).events.attend.mutate({ id })
  await clientOf(server, maker).events.update.mutate({ id, cancellation: [] })

  expect(await early.client.events.leave.mutate({ id })).toMatchObject({ mine: null, attending: 2, held: 2 })
  expect(await bookingRow(server, early.bookingId)).toMatchObject({
    status: 'cancelled',
    refundedMinor: 1000,
  })
  expect(await partsIn(server, id)).toMatchObject({ [waiting.id]: 'held' })
  // Cancelling the booking of an unpaid seat leaves the event and cancels the intent.
  expect(await unpaid.client.bookings.cancel.mutate({ id: unpaid.bookingId })).toMatchObject({
    status: 'cancelled',
  })
  expect(await unpaid.client.events.byId.query({ id })).toMatchObject({ mine: null, held: 1 })
  await untilPayment(server, unpaid.intent.paymentId, ({ status }) => status === 'cancelled')

  await beginsIn(id, 24)
  expect(await late.client.payments.refund.mutate({ bookingId: late.bookingId })).toMatchObject({
    booking: { status: 'cancelled', paidMinor: 2000, refundedMinor: 0 },
  })
  expect(await reasonOf(late.client.events.leave.mutate({ id }))).toBe('NOT_FOUND')
  const stays = await payForPlace(server, id)
  await beginsIn(id, -1)
  expect(await reasonOf(stays.client.events.leave.mutate({ id }))).toBe('NOT_CANCELLABLE')
})

test('by default refunds end a day before the event, unless it was rescheduled', async () => {
  const [usual, moved] = [await makePaidEvent(server), await makePaidEvent(server)]
  const [first, second, third] = [
    await payForPlace(server, usual.id),
    await payForPlace(server, usual.id),
    await payForPlace(server, moved.id),
  ]
  await first.client.events.leave.mutate({ id: usual.id })
  await beginsIn(usual.id, 23)
  await second.client.events.leave.mutate({ id: usual.id })
  const soon = new Date(Date.now() + 3 * HOUR)
  await clientOf(server, moved.maker).events.update.mutate({
    id: moved.id,
    startsAt: soon.toISOString(),
    endsAt: new Date(Date.now() + 5 * HOUR).toISOString(),
  })
  expect((await bookingRow(server, third.bookingId)).startsAt).toEqual(soon)
  await third.client.events.leave.mutate({ id: moved.id })
  const back = await Promise.all([first, second, third].map(({ bookingId }) => bookingRow(server, bookingId)))
  expect(back.map(({ refundedMinor }) => refundedMinor)).toEqual([2000, 0, 2000])
})

test('a cancelled event refunds every seat once, including payments in progress', async () => {
  const { id, maker } = await makePaidEvent(server, { cancellation: [] })
  const paid = await Promise.all([1, 2, 3].map(() => payForPlace(server, id)))
  const paying = await takePlace(server, id)
  const [listening] = paid
  if (!listening) throw new Error('no seat was paid')
  const socket = await openSocket(server, listening.person.token)
  await Promise.all([
    payInBrowser(server, paying.intent),
    ...[1, 2, 3].map(() =>
      clientOf(server, maker)
        .events.remove.mutate({ id })
        .catch(() => undefined),
    ),
  ])
  const { text } = await socket.next('notification', ({ kind }) => kind === 'event_cancelled')
  expect(text).toContain('You will be refunded')
  for (const { bookingId } of paid)
    expect(await bookingRow(server, bookingId)).toMatchObject({
      status: 'cancelled',
      attendsEventId: null,
      paidMinor: 2000,
      refundedMinor: 2000,
    })
  await untilPayment(
    server,
    paying.intent.paymentId,
    ({ status }) => status === 'succeeded' || status === 'cancelled',
  )
  expect(await bookingRow(server, paying.bookingId)).toMatchObject({ status: 'cancelled' })
  await until(async () => {
    const { paidMinor, refundedMinor } = await bookingRow(server, paying.bookingId)
    return paidMinor === refundedMinor
  })
  await socket.close()
})

test('deleting an account frees its seats and cancels and refunds its events', async () => {
  const alone = await startTestServer({ queue: true })
  const { id, maker } = await makePaidEvent(alone, { capacity: 2 })
  const goes = await payForPlace(alone, id)
  const waits = await makePerson(alone)
  await clientOf(alone, waits).events.attend.mutate({ id })
  await goes.client.auth.deleteMe.mutate()
  expect(await bookingRow(alone, goes.bookingId)).toMatchObject({ status: 'cancelled', refundedMinor: 2000 })
  expect(await partsIn(alone, id)).toMatchObject({ [waits.id]: 'held' })
  const place = await payForPlace(alone, id, waits)
  await clientOf(alone, maker).auth.deleteMe.mutate()
  expect(await bookingRow(alone, place.bookingId)).toMatchObject({ status: 'cancelled', refundedMinor: 2000 })
  const { atStripe, ours } = await ledgersOf(alone)
  await until(async () => (await ledgersOf(alone)).atStripe.back === 4000)
  expect([atStripe.received, ours.received]).toEqual([4000, 4000])
})

test('invalid changes of paid events and seats are refused without effect', async () => {
  const { id, maker, locationId } = await makePaidEvent(server, { capacity: 3 })
  const owner = clientOf(server, maker)
  expect(await reasonOf(makeEvent(server, maker, { locationId, priceMinor: 10 }))).toBe('VALIDATION')
  expect(await reasonOf(owner.events.update.mutate({ id, priceMinor: 10 }))).toBe('VALIDATION')
  expect(await reasonOf(owner.events.update.mutate({ id, currency: 'XYZ' }))).toBe('VALIDATION')
  const { client, bookingId } = await payForPlace(server, id)
  await takePlace(server, id)
  expect(await reasonOf(owner.events.update.mutate({ id, capacity: 2 }))).toBe('INVALID_STATE')
  expect(await reasonOf(client.bookings.reschedule.mutate({ id: bookingId, startsAt: at(12) }))).toBe(
    'NOT_RESCHEDULABLE',
  )
  expect(await reasonOf(client.reviews.create.mutate({ bookingId, rating: 5 }))).toBe('INVALID_STATE')
  expect(await reasonOf(owner.bookings.cancel.mutate({ id: bookingId }))).toBe('NOT_FOUND')
  expect(await reasonOf(client.payments.createIntent.mutate({ bookingId }))).toBe('INVALID_STATE')
  expect(await clientOf(server).events.byId.query({ id })).toMatchObject({
    attending: 2,
    held: 1,
    capacity: 3,
  })

  const greedy = await makePerson(server)
  const many = await Promise.all(Array.from({ length: 11 }, () => makePaidEvent(server)))
  const taken = await Promise.all(
    many.map((event) => reasonOf(clientOf(server, greedy).events.attend.mutate({ id: event.id }))),
  )
  expect(taken.filter((reason) => reason === 'TOO_MANY_HOLDS')).toHaveLength(1)
})

test('points pay for a seat and come back when the user leaves', async () => {
  const { id } = await makePaidEvent(server)
  const person = await makePerson(server)
  await givePoints(server, person, 400)
  const client = clientOf(server, person)
  const { bookingId } = await client.events.attend.mutate({ id })
  await client.payments.createIntent.mutate({ bookingId: bookingId ?? '', redeemPoints: 400 })
  expect(await client.events.byId.query({ id })).toMatchObject({ mine: 'attending', attending: 2, held: 0 })
  expect(await balanceOf(server, person)).toBe(0)
  await client.events.leave.mutate({ id })
  expect(await balanceOf(server, person)).toBe(400)
})

test('a paid seat is checked in at the event and completed after it', async () => {
  const { id } = await makePaidEvent(server)
  const { client, bookingId } = await payForPlace(server, id)
  expect(await reasonOf(client.checkIns.checkIn.mutate({ bookingId }))).toBe('TOO_EARLY')
  await beginsIn(id, 0.5)
  await client.checkIns.checkIn.mutate({ bookingId })
  await beginsIn(id, -3)
  expect(await completePastBookings(server.deps)).toBeGreaterThan(0)
  const booking = await client.bookings.byId.query({ id: bookingId })
  expect(booking).toMatchObject({ status: 'completed', paidMinor: 2000, refundedMinor: 0 })
  expect(booking.arrivedAt).not.toBeNull()
  expect(await client.events.byId.query({ id })).toMatchObject({ mine: 'attending', attending: 2 })
})

test('a seat is not completed if the event is extended during the sweep', async () => {
  const { id } = await makePaidEvent(server)
  const { bookingId } = await payForPlace(server, id)
  await beginsIn(id, -3)
  let sweeping: Promise<number> | undefined
  await server.deps.db.transaction(async (tx) => {
    await tx.execute(
      sql`UPDATE bookings SET ends_at = now() + interval '1 hour', claimed = tstzrange(starts_at, now() + interval '1 hour') WHERE id = ${bookingId}`,
    )
    sweeping = completePastBookings(server.deps)
    await until(async () => {
      const [waiting] = await server.deps.db.execute<{ count: number }>(
        sql`SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      )
      return waiting?.count
    })
  })
  await sweeping
  expect(await bookingRow(server, bookingId)).toMatchObject({ status: 'confirmed' })
})

test('a new price applies to later seats only, unless the event becomes free', async () => {
  const { id, maker } = await makePaidEvent(server, { capacity: 2 })
  const { intent, bookingId } = await takePlace(server, id)
  const waits = await makePerson(server)
  await clientOf(server, waits).events.attend.mutate({ id })
  await clientOf(server, maker).events.update.mutate({ id, priceMinor: 3000 })
  await payInBrowser(server, intent)
  await untilBooking(
    server,
    bookingId,
    ({ status, paidMinor }) => status === 'confirmed' && paidMinor === 2000,
  )
  await clientOf(server, maker).events.update.mutate({ id, capacity: 3 })
  const { mine, bookingId: next } = await clientOf(server, waits).events.byId.query({ id })
  expect(mine).toBe('held')
  expect(await bookingRow(server, next ?? '')).toMatchObject({ priceMinor: 3000 })
  // A free event gives waiting and unpaid users their seats at once.
  const last = await makePerson(server)
  await clientOf(server, last).events.attend.mutate({ id })
  await clientOf(server, maker).events.update.mutate({ id, priceMinor: 0, capacity: 4 })
  expect(await partsIn(server, id)).toMatchObject({ [last.id]: 'attending', [waits.id]: 'attending' })
})

test('a race for few paid seats never oversells and loses no cent', async () => {
  const alone = await startTestServer({ jobs: true, env: { DATABASE_POOL: '20', SWEEP_SECONDS: '1' } })
  const [count, capacity] = [sized(60, 300), sized(8, 50)]
  const random = randomFrom('race for paid places')
  const { id } = await makePaidEvent(alone, {
    capacity,
    cancellation: [{ hoursBefore: 0, refundPercent: 50 }],
  })
  const racers = await makePeople(alone, count)
  let racing = true
  let most = 0
  const counting = (async () => {
    while (racing) {
      const [row] = await alone.deps.db.execute<{ taken: number }>(
        sql`SELECT count(*)::int AS taken FROM event_attendees WHERE event_id = ${id} AND status <> 'waiting'`,
      )
      most = Math.max(most, row?.taken ?? 0)
    }
  })()
  /** Takes a seat, then pays, lets it expire or leaves at random. */
  async function race(person: (typeof racers)[number]): Promise<void> {
    const client = clientOf(alone, person)
    const { bookingId } = await client.events.attend.mutate({ id })
    if (bookingId) {
      const intent = await client.payments.createIntent.mutate({ bookingId }).catch(() => undefined)
      if (intent && random.chance(0.2)) await endPlaces(alone, id, bookingId)
      if (intent && random.chance(0.7)) await payInBrowser(alone, intent)
      if (random.chance(0.3)) await client.payments.confirm.mutate({ bookingId }).catch(() => undefined)
    }
    if (random.chance(0.3)) await client.events.leave.mutate({ id }).catch(() => undefined)
  }
  await Promise.all(racers.map(race))
  // Expires unpaid seats until the waitlist is empty.
  await until(async () => {
    await endPlaces(alone, id)
    await sweepUnpaidSeats(alone.deps)
    const { held, waiting } = await clientOf(alone).events.byId.query({ id })
    return held === 0 && waiting === 0
  }, 60_000)
  racing = false
  await counting
  expect(most).toBe(capacity)

  await until(async () => {
    const { atStripe, ours } = await ledgersOf(alone)
    return Bun.deepEquals(atStripe, ours)
  }, 30_000)
  const rows = await alone.deps.db.execute<{
    user: string
    status: string
    net: number
    part: string | null
  }>(sql`
    SELECT b.user_id AS user, b.status, b.paid_minor - b.refunded_minor AS net, a.status AS part
    FROM bookings b LEFT JOIN event_attendees a ON a.booking_id = b.id WHERE b.kind = 'attendance'`)
  const odd = rows.filter(({ status, net, part }) =>
    status === 'confirmed'
      ? net !== 2000 || part !== 'attending'
      : part !== null || (net !== 0 && net !== 1000),
  )
  expect([...odd]).toEqual([])
  const { ours } = await ledgersOf(alone)
  expect(ours.received - ours.back).toBe(rows.reduce((sum, { net }) => sum + net, 0))
  expect(ours.received).toBeGreaterThan(0)
  process.stdout.write(`${rows.length} seats, ${ours.received} received, ${ours.back} refunded\n`)
}, 180_000)
