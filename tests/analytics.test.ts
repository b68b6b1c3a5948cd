import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { parse } from 'csv-parse/sync'
import { sql } from 'drizzle-orm'
import type { RunningServer } from '../src/server'
import { sweepExpiredHolds } from '../src/services/bookings/sweep'
import { admin } from './support/admin'
import { createDatabase } from './support/database'
import { payInBrowser, untilBooking } from './support/money'
import { makePaidEvent, payForPlace } from './support/paid-events'
import { countQueries } from './support/proxy'
import { openSocket } from './support/socket'
import { letPass, makeSpecialist } from './support/specialists'
import {
  at,
  clientOf,
  endHolds,
  makePerson,
  makeSpace,
  reasonOf,
  rest,
  startTestServer,
  stopTestServers,
  type TestPerson,
} from './support/world'

setDefaultTimeout(60_000)
let server: RunningServer
let boss: TestPerson
beforeAll(async () => {
  server = await startTestServer({ queue: true })
  boss = await makePerson(server, 'admin')
})
afterAll(stopTestServers)

const today = () => new Date().toISOString().slice(0, 10)
const summaryOf = (locationId: string, from = today(), to = from) =>
  clientOf(server, boss).analytics.summary.query({ locationId, from, to })

/** The rows of `happenings` about a booking, in order, as `kind` or `kind amount`. */
async function historyOf(bookingId: string): Promise<string[]> {
  const rows = await server.deps.db.execute<{ kind: string; source: string | null; amount: number | null }>(
    sql`SELECT kind, source, amount_minor AS amount FROM happenings WHERE booking_id = ${bookingId} ORDER BY at`,
  )
  return rows.map(({ kind, amount }) => (amount === null ? kind : `${kind} ${amount}`))
}

test('each step of a booking is recorded once, and funnel and revenue add up', async () => {
  const space = await makeSpace(server, { priceMinor: 2000, maxSlots: 4 })
  const person = await makePerson(server)
  const client = clientOf(server, person)
  const hold = (hour: number) => client.slots.hold.mutate({ slotId: `${space.id}@${at(hour)}` })
  const pay = async (id: string) => {
    await payInBrowser(server, await client.payments.createIntent.mutate({ bookingId: id }))
    await untilBooking(server, id, ({ status }) => status === 'confirmed')
    return id
  }
  const released = (await hold(1)).id
  await client.bookings.cancel.mutate({ id: released })
  const expired = (await hold(2)).id
  await endHolds(server, space.id)
  await sweepExpiredHolds(server.deps)
  const cancelled = await pay((await hold(3)).id)
  await client.bookings.cancel.mutate({ id: cancelled })
  const completed = await pay((await hold(4)).id)
  await letPass(server, completed)
  await clientOf(server, boss).bookings.complete.mutate({ id: completed })
  await client.reviews.create.mutate({ bookingId: completed, rating: 5 })
  const missed = await pay((await hold(5)).id)
  await letPass(server, missed)
  await clientOf(server, boss).bookings.noShow.mutate({ id: missed })
  const coming = await pay((await hold(6)).id)
  await hold(7)

  expect(await historyOf(released)).toEqual(['held', 'released'])
  expect((await historyOf(expired)).sort()).toEqual(['expired', 'held'])
  const sold = ['held', 'paid 2000', 'confirmed']
  expect((await historyOf(cancelled)).sort()).toEqual([...sold, 'cancelled', 'refunded 2000'].sort())
  expect((await historyOf(completed)).filter((kind) => kind !== 'rescheduled').sort()).toEqual(
    [...sold, 'completed', 'reviewed'].sort(),
  )
  expect((await historyOf(coming)).sort()).toEqual([...sold].sort())

  const { funnel, revenue } = await summaryOf(space.locationId)
  expect(funnel).toEqual({
    held: 7,
    paid: 4,
    completed: 1,
    cancelled: 1,
    noShow: 1,
    declined: 0,
    released: 1,
    expired: 1,
    holding: 1,
    coming: 1,
  })
  expect(revenue).toEqual([
    {
      date: today(),
      currency: 'EUR',
      amountMinor: 6000,
      receivedMinor: 8000,
      refundedMinor: 2000,
      sources: [{ source: 'web', amountMinor: 6000 }],
    },
  ])
})

test('a paid seat counts as revenue and not as a hold', async () => {
  const event = await makePaidEvent(server)
  const { bookingId } = await payForPlace(server, event.id)
  expect((await historyOf(bookingId)).sort()).toEqual(['held', 'paid 2000', 'confirmed'].sort())
  const { revenue, funnel } = await summaryOf(event.locationId)
  expect(revenue).toMatchObject([{ amountMinor: 2000, sources: [{ source: 'web', amountMinor: 2000 }] }])
  expect(funnel.held).toBe(0)
})

test('a booking records its source: web, REST or socket', async () => {
  const space = await makeSpace(server)
  const person = await makePerson(server)
  const slot = (hour: number) => `${space.id}@${at(hour)}`
  const ids = {
    web: (await clientOf(server, person).slots.hold.mutate({ slotId: slot(1) })).id,
    rest: (await rest<{ id: string }>(server, `/slots/${slot(2)}/hold`, { method: 'POST', person })).body.id,
    socket: await holdBySocket(person, slot(3)),
  }
  for (const [source, id] of Object.entries(ids)) {
    const [row] = await server.deps.db.execute(sql`SELECT source FROM bookings WHERE id = ${id}`)
    expect(row).toEqual({ source })
  }
})

async function holdBySocket(person: TestPerson, slotId: string): Promise<string> {
  const socket = await openSocket(server, person.token)
  socket.send({ type: 'slot_hold', slotId })
  const { booking } = await socket.next('hold_confirmed')
  socket.close()
  return booking.id
}

test('a declined booking is counted in the funnel and earns the specialist nothing', async () => {
  const { client, specialist, service, locationId } = await makeSpecialist(server, {
    service: { needsApproval: true, priceMinor: 5000 },
  })
  const person = await makePerson(server)
  const book = async (hour: number) => {
    const customer = clientOf(server, person)
    const { id } = await customer.bookings.create.mutate({ serviceId: service.id, startsAt: at(hour) })
    await payInBrowser(server, await customer.payments.createIntent.mutate({ bookingId: id }))
    await untilBooking(server, id, ({ status }) => status === 'pending')
    return id
  }
  const declined = await book(9)
  await client.bookings.decline.mutate({ id: declined })
  const accepted = await book(10)
  await client.bookings.accept.mutate({ id: accepted })
  expect((await historyOf(declined)).sort()).toEqual(
    ['held', 'paid 5000', 'pending', 'declined', 'refunded 5000'].sort(),
  )
  expect((await summaryOf(locationId)).funnel).toMatchObject({ held: 2, paid: 2, declined: 1, coming: 1 })
  const day = at(0).slice(0, 10)
  expect((await summaryOf(locationId, day)).topSpecialists).toEqual([
    { specialistId: specialist.id, name: specialist.name, bookings: 1, amountMinor: 5000, currency: 'EUR' },
  ])
})

test('an invalid period or an unknown location is refused', async () => {
  const ask = (input: { from?: string; to?: string; locationId?: string }) =>
    reasonOf(clientOf(server, boss).analytics.summary.query(input))
  expect(await ask({ from: '2027-01-05', to: '2027-01-04' })).toBe('VALIDATION')
  expect(await ask({ from: '2026-01-01', to: '2027-01-02' })).toBe('VALIDATION')
  expect(await ask({ from: '2026-01-01', to: '2027-01-01' })).toBe('was not refused')
  expect(await ask({ from: '2026-02-30' })).toBe('VALIDATION')
  expect(await ask({ locationId: Bun.randomUUIDv7() })).toBe('NOT_FOUND')
  expect(await ask({ to: '2000-01-01' })).toBe('was not refused')
})

test('concurrent summaries share one set of queries, on the replica if there is one', async () => {
  const replica = await countQueries(await createDatabase())
  const own = await startTestServer({ env: { CACHE: 'on', DATABASE_REPLICA_URL: replica.databaseUrl } })
  const operator = clientOf(own, await makePerson(own, 'admin'))
  const space = await makeSpace(own)
  const dates = { from: '2027-01-01', to: '2027-01-31' }
  // This replica stays empty, so NOT_FOUND proves that it was queried.
  expect(await reasonOf(operator.analytics.summary.query({ ...dates, locationId: space.locationId }))).toBe(
    'NOT_FOUND',
  )
  const before = replica.queries()
  const answers = await Promise.all(Array.from({ length: 50 }, () => operator.analytics.summary.query(dates)))
  expect(new Set(answers.map((answer) => answer.asOf)).size).toBe(1)
  const once = replica.queries() - before
  expect(once).toBeLessThan(15)
  await operator.analytics.summary.query(dates)
  expect(replica.queries() - before).toBe(once)
  expect(await reasonOf(clientOf(own, await makePerson(own)).analytics.summary.query(dates))).toBe(
    'NOT_ALLOWED',
  )
})

test('the CSV report has the numbers of the summary and no formulas', async () => {
  const space = await makeSpace(server, { name: '=1+1', priceMinor: 0 })
  const client = clientOf(server, await makePerson(server))
  const { id } = await client.slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
  await client.bookings.confirm.mutate({ id })
  const day = at(0).slice(0, 10)
  const run = (...words: string[]) =>
    admin(
      { DATABASE_URL: server.deps.env.DATABASE_URL ?? '' },
      'report',
      ...['--from', day, '--to', day, '--location', space.locationId],
      ...words,
    )
  const csv = await run('--csv')
  expect(csv).toMatchObject({ code: 0, err: '' })
  const period = { from: day, to: day, locationId: space.locationId }
  expect(await clientOf(server, boss).analytics.report.query(period)).toEqual({ csv: csv.out.trimEnd() })
  const rows = parse<Record<string, string>>(csv.out, { columns: true })
  expect(rows.find(({ part, measure }) => part === 'topSpaces' && measure === 'bookings')).toMatchObject({
    id: space.id,
    name: "'=1+1",
    currency: 'EUR',
    value: '1',
  })
  const nine = rows.find(({ part, hour }) => part === 'occupancy' && hour === '9')
  expect(nine).toMatchObject({ weekday: '1', measure: 'share', value: '1' })
  expect(rows.filter(({ part }) => part === 'occupancy')).toHaveLength(24)
  expect((await run()).out).toContain('100 %')
  expect((await run('--from', 'monday')).code).toBe(2)
  expect((await run('--to', '2020-01-01')).code).toBe(1)
})
