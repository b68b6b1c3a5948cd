import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { bookings, notifications } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { remindOfBookings } from '../src/services/bookings/reminders'
import { declineUnanswered } from '../src/services/bookings/sweep'
import { bookingRow, payInBrowser, untilBooking } from './support/money'
import { makeSpecialist } from './support/specialists'
import { at, clientOf, makePerson, makeSpace, startTestServer, stopTestServers } from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ queue: true })
})
afterAll(stopTestServers)

/** Makes a booking start in `minutes` minutes, created `days` days ago. */
const shift = (id: string, minutes: number, days = 3) => {
  const start = sql`now() + make_interval(mins => ${minutes})`
  const end = sql`now() + make_interval(mins => ${minutes + 60})`
  return server.deps.db
    .update(bookings)
    .set({
      startsAt: start,
      endsAt: end,
      claimed: sql`tstzrange(${start}, ${end})`,
      createdAt: sql`now() - make_interval(days => ${days})`,
    })
    .where(eq(bookings.id, id))
}

test('bookings get reminders a day and an hour before, unless they were just made', async () => {
  const person = await makePerson(server)
  const client = clientOf(server, person)
  const book = async () => {
    const { id } = await client.bookings.create.mutate({
      spaceId: (await makeSpace(server)).id,
      startsAt: at(9),
    })
    return (await client.bookings.confirm.mutate({ id })).id
  }
  const [soon, tomorrow, late, far] = [await book(), await book(), await book(), await book()]
  await shift(soon, 30)
  await shift(tomorrow, 20 * 60)
  await shift(late, 30, 0)
  await shift(far, 48 * 60)
  await Promise.all([remindOfBookings(server.deps), remindOfBookings(server.deps)])
  expect(await remindOfBookings(server.deps)).toBe(0)
  const sent = await server.deps.db.select().from(notifications).where(eq(notifications.userId, person.id))
  const named = new Map([
    [soon, 'soon'],
    [tomorrow, 'tomorrow'],
    [late, 'late'],
    [far, 'far'],
  ])
  const reminders = sent.filter(({ kind }) => kind.startsWith('reminder'))
  expect(reminders.map(({ kind, bookingId }) => `${named.get(String(bookingId))} ${kind}`).sort()).toEqual([
    'soon reminder_day',
    'soon reminder_hour',
    'tomorrow reminder_day',
  ])
})

test('a request that is not answered in time is declined and refunded in full', async () => {
  const { service } = await makeSpecialist(server, {
    service: { needsApproval: true, priceMinor: 2000, cancellation: [] },
  })
  const client = clientOf(server, await makePerson(server))
  const { id } = await client.bookings.create.mutate({ serviceId: service.id, startsAt: at(9) })
  await payInBrowser(server, await client.payments.createIntent.mutate({ bookingId: id }))
  await untilBooking(server, id, ({ status }) => status === 'pending')
  expect(await declineUnanswered(server.deps)).toBe(0)
  await server.deps.db.update(bookings).set({ answerBy: sql`clock_timestamp()` }).where(eq(bookings.id, id))
  const both = await Promise.all([declineUnanswered(server.deps), declineUnanswered(server.deps)])
  expect(both.toSorted()).toEqual([0, 1])
  expect(await bookingRow(server, id)).toMatchObject({ status: 'declined', refundedMinor: 2000 })
})
