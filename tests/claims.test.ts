import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { BOOKING_STATUSES, bookings } from '../src/db/schema'
import type { Booking } from '../src/schemas/bookings'
import type { RunningServer } from '../src/server'
import { lockLocation } from '../src/services/locations/locations'
import { constraintOf, insertBooking } from './support/rows'
import { makeSpecialist } from './support/specialists'
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
let second: RunningServer
beforeAll(async () => {
  server = await startTestServer({ env: { MAX_HOLDS_PER_PERSON: '3' } })
  second = await startTestServer({
    env: { MAX_HOLDS_PER_PERSON: '3' },
    databaseUrl: server.deps.env.DATABASE_URL ?? '',
  })
})
afterAll(stopTestServers)

const peopleOf = (count: number) => Promise.all(Array.from({ length: count }, () => makePerson(server)))

describe('the database', () => {
  test('has both exclusion constraints over exactly the statuses that claim', async () => {
    const rows = await server.deps.db.execute<{ name: string; definition: string }>(
      sql`SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
        WHERE conrelid = 'bookings'::regclass AND contype = 'x' ORDER BY conname`,
    )
    expect(rows.map(({ name }) => name)).toEqual(['bookings_space_claim', 'bookings_specialist_claim'])
    const [space, specialist] = rows.map(({ definition }) => definition.replaceAll('::text', ''))
    expect(space).toStartWith('EXCLUDE USING gist (space_id WITH =, unit WITH =, claimed WITH &&) WHERE')
    expect(specialist).toStartWith('EXCLUDE USING gist (specialist_id WITH =, claimed WITH &&) WHERE')
    for (const definition of [space, specialist])
      expect(definition).toContain(`ARRAY['held', 'pending', 'confirmed']`)
  })

  test('refuses only overlapping claims on a unit or a specialist', async () => {
    const space = await makeSpace(server, { units: 2 })
    const [person] = await peopleOf(1)
    if (!person) throw new Error('peopleOf returned too few users')
    const specialistId = (await makeSpecialist(server)).specialist.id
    const put = (settings: Parameters<typeof insertBooking>[3]) =>
      constraintOf(insertBooking(server, space, person, settings))
    for (const status of ['held', 'pending', 'confirmed'] as const) {
      const day = { from: at(9), to: at(11) }
      const first = await insertBooking(server, space, person, { ...day, status, specialistId })
      for (const other of ['held', 'pending', 'confirmed'] as const) {
        expect(await put({ from: at(10), to: at(12), status: other })).toBe('bookings_space_claim')
        expect(await put({ from: at(8), to: at(12), status: other, unit: 2, specialistId })).toBe(
          'bookings_specialist_claim',
        )
      }
      for (const other of ['completed', 'cancelled', 'expired', 'declined', 'no_show'] as const)
        expect(await put({ ...day, status: other, specialistId })).toBe('was not refused')
      expect(await put({ from: at(11), to: at(12), status: 'cancelled' })).toBe('was not refused')
      await server.deps.db.delete(bookings).where(sql`${bookings.id} = ${first.id}`)
    }
    expect(await put({ from: at(9), to: at(10) })).toBe('was not refused')
    expect(await put({ from: at(10), to: at(11) })).toBe('was not refused')
    expect(await put({ from: at(9), to: at(11), unit: 2 })).toBe('was not refused')
  })

  test('refuses every transition that is not in the table', async () => {
    const possible = new Set([
      'held>confirmed',
      'held>pending',
      'held>cancelled',
      'held>expired',
      'expired>confirmed',
      'expired>pending',
      'pending>confirmed',
      'pending>declined',
      'pending>cancelled',
      'confirmed>cancelled',
      'confirmed>completed',
      'confirmed>no_show',
    ])
    const space = await makeSpace(server)
    const [person] = await peopleOf(1)
    if (!person) throw new Error('peopleOf returned too few users')
    for (const from of BOOKING_STATUSES) {
      for (const to of BOOKING_STATUSES) {
        const { id } = await insertBooking(server, space, person, { status: from, holdExpiresAt: new Date() })
        const outcome = await constraintOf(
          server.deps.db.update(bookings).set({ status: to }).where(sql`${bookings.id} = ${id}`).execute(),
        )
        const allowed = from === to || possible.has(`${from}>${to}`)
        expect([from, to, outcome]).toEqual([from, to, allowed ? 'was not refused' : 'bookings_move'])
        await server.deps.db.delete(bookings).where(sql`${bookings.id} = ${id}`)
      }
    }
  })
})

test('creating a space waits while the hours of its location change', async () => {
  const { locationId } = await makeSpace(server)
  const locked = Promise.withResolvers<void>()
  const done = Promise.withResolvers<void>()
  const changing = server.deps.db.transaction(async (tx) => {
    await lockLocation(tx, locationId)
    locked.resolve()
    await done.promise
  })
  await locked.promise
  let created = false
  const creating = makeSpace(server, { locationId }).then(() => {
    created = true
  })
  const waiting = sql`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
  await until(async () => created || (await server.deps.db.execute(waiting)).length > 0)
  expect(created).toBe(false)
  done.resolve()
  await Promise.all([changing, creating])
})

describe('races', () => {
  test('exactly one of ten users gets a slot', async () => {
    const space = await makeSpace(server)
    const people = await peopleOf(10)
    const outcomes = await Promise.all(
      people.map((person, index) =>
        reasonOf(
          clientOf(index % 2 ? server : second, person).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` }),
        ),
      ),
    )
    expect(outcomes.toSorted()).toEqual([...Array.from({ length: 9 }, () => 'SLOT_TAKEN'), 'was not refused'])
  })

  test('a user never has more than MAX_HOLDS_PER_PERSON holds across two servers', async () => {
    const spaces = await Promise.all([1, 2, 3].map(() => makeSpace(server)))
    const person = await makePerson(server)
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        reasonOf(
          clientOf(index % 2 ? server : second, person).slots.hold.mutate({
            slotId: `${spaces[index % 3]?.id}@${at(Math.floor(index / 3))}`,
          }),
        ),
      ),
    )
    expect(outcomes.filter((outcome) => outcome === 'was not refused')).toHaveLength(3)
    expect(outcomes.filter((outcome) => outcome === 'TOO_MANY_HOLDS')).toHaveLength(27)
  })

  test('a booking that loses the race for a new time keeps its own', async () => {
    const space = await makeSpace(server)
    const people = await peopleOf(8)
    const mine: Booking[] = []
    for (const [index, person] of people.entries()) {
      const client = clientOf(server, person)
      const { id } = await client.slots.hold.mutate({ slotId: `${space.id}@${at(index)}` })
      mine.push(
        index % 2 ? await client.bookings.confirm.mutate({ id }) : await client.bookings.byId.query({ id }),
      )
    }
    const outcomes = await Promise.all(
      people.map((person, index) =>
        reasonOf(
          clientOf(index % 2 ? server : second, person).bookings.reschedule.mutate({
            id: mine[index]?.id ?? '',
            startsAt: at(12),
          }),
        ),
      ),
    )
    expect(outcomes.filter((outcome) => outcome === 'was not refused')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 'SLOT_TAKEN')).toHaveLength(7)
    for (const [index, person] of people.entries()) {
      const now = await clientOf(server, person).bookings.byId.query({ id: mine[index]?.id ?? '' })
      const before = mine[index]
      if (outcomes[index] === 'SLOT_TAKEN') expect(now).toEqual(before ?? now)
      else expect(now).toMatchObject({ status: before?.status, startsAt: at(12), endsAt: at(13) })
    }
  })

  test('a hold that ends during a claim or a reschedule either blocks it or has ended', async () => {
    const space = await makeSpace(server, { units: 60, maxSlots: 1 })
    const [holder, ...people] = await peopleOf(25)
    if (!holder) throw new Error('peopleOf returned too few users')
    // The holds end one after the other, so that requests always meet one that is ending.
    for (let unit = 1; unit <= 60; unit++)
      await insertBooking(server, space, holder, { status: 'held', unit })
    await server.deps.db.execute(
      sql`UPDATE bookings SET hold_expires_at = clock_timestamp() + make_interval(secs => 0.2 + unit * 0.015)
        WHERE user_id = ${holder.id}`,
    )
    const reasons = new Set<string>()
    await Promise.all(
      people.map(async (person, index) => {
        const client = clientOf(server, person)
        const elsewhere = `${space.id}@${at(11 + (index % 10))}`
        while (!reasons.has('done')) {
          if (index % 2) {
            reasons.add(await reasonOf(client.slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })))
            await client.slots.release.mutate({ slotId: `${space.id}@${at(9)}` }).catch(() => null)
          } else {
            const { id } = await client.slots.hold.mutate({ slotId: elsewhere })
            reasons.add(await reasonOf(client.bookings.reschedule.mutate({ id, startsAt: at(9) })))
            await client.bookings.cancel.mutate({ id })
          }
          const live = await server.deps.db.execute(
            sql`SELECT FROM bookings WHERE user_id = ${holder.id} AND hold_expires_at > clock_timestamp() LIMIT 1`,
          )
          if (live.length === 0) reasons.add('done')
        }
      }),
    )
    const expected = new Set(['SLOT_TAKEN', 'done', 'was not refused'])
    expect([...reasons.difference(expected)]).toEqual([])
    expect(reasons).toContain('was not refused')
  }, 60_000)
})
