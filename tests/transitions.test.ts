import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import type { Actor } from '../src/actor'
import { contextOf } from '../src/context'
import { BOOKING_STATUSES, type BookingStatus, bookings } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { transition } from '../src/services/bookings/transitions'
import { insertBooking } from './support/rows'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  type TestPerson,
} from './support/world'

let server: RunningServer
let space: Awaited<ReturnType<typeof makeSpace>>
let owner: TestPerson
let actors: Record<Who, Actor>
beforeAll(async () => {
  server = await startTestServer()
  space = await makeSpace(server)
  owner = await makePerson(server)
  const person = async (role: 'customer' | 'specialist' | 'admin'): Promise<Actor> => {
    const { id } = await makePerson(server, role)
    return { kind: 'user', id, role }
  }
  actors = {
    anonymous: { kind: 'anonymous' },
    owner: { kind: 'user', id: owner.id, role: 'customer' },
    stranger: await person('customer'),
    'another specialist': await person('specialist'),
    admin: await person('admin'),
    clock: { kind: 'clock' },
    payment: { kind: 'payment' },
  }
})
afterAll(stopTestServers)

const WHO = ['anonymous', 'owner', 'stranger', 'another specialist', 'admin', 'clock', 'payment'] as const
type Who = (typeof WHO)[number]

/** The actors that may make each transition. All other transitions are refused. */
const TABLE: Partial<Record<`${BookingStatus} to ${BookingStatus}`, Who[]>> = {
  'held to confirmed': ['owner', 'payment'],
  'held to pending': ['owner', 'payment'],
  'held to cancelled': ['owner', 'admin'],
  'held to expired': ['clock'],
  'expired to confirmed': ['payment'],
  'expired to pending': ['payment'],
  'pending to confirmed': ['admin'],
  'pending to declined': ['admin', 'clock'],
  'pending to cancelled': ['owner', 'admin'],
  'confirmed to cancelled': ['owner', 'admin'],
  'confirmed to completed': ['admin', 'clock'],
  'confirmed to no_show': ['admin', 'clock'],
}

function expectedOf(from: BookingStatus, to: BookingStatus, who: Who): string {
  if (who === 'anonymous' || who === 'stranger' || who === 'another specialist') return 'NOT_FOUND'
  const allowed = TABLE[`${from} to ${to}`]
  if (!allowed) return to === 'cancelled' ? 'NOT_CANCELLABLE' : 'INVALID_STATE'
  if (allowed.includes(who)) return to
  return from === 'expired' ? 'HOLD_EXPIRED' : 'NOT_ALLOWED'
}

async function outcomeOf(who: Who, id: string, to: BookingStatus): Promise<string> {
  try {
    return (await transition(contextOf(server.deps, actors[who]), id, to)).status
  } catch (error) {
    return reasonOf(Promise.reject(error))
  }
}

const past = { from: '2026-01-05T09:00:00Z', to: '2026-01-05T10:00:00Z' }
const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000)
const statusOf = async (id: string) =>
  (await server.deps.db.select().from(bookings).where(eq(bookings.id, id)))[0]?.status
const forget = (id: string) => server.deps.db.delete(bookings).where(eq(bookings.id, id))

describe.each([...WHO])('as %s', (who) => {
  test.each([...BOOKING_STATUSES])('a %s booking makes only the transitions in the table', async (from) => {
    for (const to of BOOKING_STATUSES) {
      const over = to === 'completed' || to === 'no_show'
      const holdExpiresAt =
        to === 'expired' || from === 'expired' ? minutesAgo(1) : new Date(Date.now() + 60_000)
      const { id } = await insertBooking(server, space, owner, {
        ...(over && past),
        status: from,
        holdExpiresAt,
      })
      const outcome = await outcomeOf(who, id, to)
      expect([to, outcome]).toEqual([to, expectedOf(from, to, who)])
      expect(await statusOf(id)).toBe(outcome === to ? to : from)
      await forget(id)
    }
  })
})

describe('a transition in the table is refused', () => {
  type Case = [string, Who, BookingStatus, BookingStatus, string, Parameters<typeof insertBooking>[3]]
  const later = new Date(Date.now() + 600_000)
  const cases: Case[] = [
    [
      'after the hold has expired',
      'owner',
      'held',
      'confirmed',
      'HOLD_EXPIRED',
      { holdExpiresAt: minutesAgo(1) },
    ],
    [
      'after the hold has expired, even by a payment',
      'payment',
      'held',
      'confirmed',
      'HOLD_EXPIRED',
      { holdExpiresAt: minutesAgo(1) },
    ],
    ['before the hold ends', 'clock', 'held', 'expired', 'TOO_EARLY', { holdExpiresAt: later }],
    [
      'before the price is paid',
      'owner',
      'held',
      'confirmed',
      'PAYMENT_REQUIRED',
      { priceMinor: 500, paidMinor: 499, holdExpiresAt: later },
    ],
    [
      'before the price is paid, even by a late payment',
      'payment',
      'expired',
      'confirmed',
      'PAYMENT_REQUIRED',
      { priceMinor: 500 },
    ],
    [
      'before the deposit is paid',
      'payment',
      'held',
      'pending',
      'PAYMENT_REQUIRED',
      { priceMinor: 500, depositMinor: 100, paidMinor: 99, holdExpiresAt: later },
    ],
    ['after the booking has started', 'owner', 'confirmed', 'cancelled', 'NOT_CANCELLABLE', past],
    [
      'after the booking has started, even by an admin',
      'admin',
      'pending',
      'cancelled',
      'NOT_CANCELLABLE',
      past,
    ],
    ['before the booking is over', 'admin', 'confirmed', 'completed', 'TOO_EARLY', {}],
    [
      'before the buffer is over',
      'clock',
      'confirmed',
      'completed',
      'TOO_EARLY',
      { ...past, claimed: `[${past.from},${at(10)})` },
    ],
    ['before the booking has started', 'admin', 'confirmed', 'no_show', 'TOO_EARLY', {}],
  ]
  test.each(cases)('%s (%s, %s to %s: %s)', async (_, who, from, to, reason, settings) => {
    const { id } = await insertBooking(server, space, owner, { ...settings, status: from })
    expect(await outcomeOf(who, id, to)).toBe(reason)
    expect(await statusOf(id)).toBe(from)
    await forget(id)
  })
})

describe('a transition in the table succeeds', () => {
  test('if the deposit or the whole price is paid', async () => {
    const holdExpiresAt = new Date(Date.now() + 600_000)
    for (const money of [{ depositMinor: 100, paidMinor: 100 }, { paidMinor: 500 }]) {
      const { id } = await insertBooking(server, space, owner, {
        status: 'held',
        holdExpiresAt,
        priceMinor: 500,
        ...money,
      })
      expect(await outcomeOf('payment', id, 'confirmed')).toBe('confirmed')
      await forget(id)
    }
  })

  test('after a late payment if any unit is free or has only a stale hold', async () => {
    const desk = await makeSpace(server, { units: 2 })
    const late = await insertBooking(server, desk, owner, {
      status: 'expired',
      priceMinor: 500,
      paidMinor: 500,
    })
    const other = await insertBooking(server, desk, owner, { unit: 1 })
    const stale = await insertBooking(server, desk, owner, { unit: 2, status: 'held' })
    expect(await outcomeOf('payment', late.id, 'confirmed')).toBe('SLOT_TAKEN')
    expect(await statusOf(late.id)).toBe('expired')
    await server.deps.db
      .update(bookings)
      .set({ holdExpiresAt: minutesAgo(1) })
      .where(eq(bookings.id, stale.id))
    expect(await transition(contextOf(server.deps, actors.payment), late.id, 'confirmed')).toMatchObject({
      status: 'confirmed',
      unit: 2,
    })
    expect([await statusOf(other.id), await statusOf(stale.id)]).toEqual(['confirmed', 'expired'])
  })

  test('to no_show, which frees the rest of the time', async () => {
    const desk = await makeSpace(server, { slotMinutes: 60 })
    const hour = Math.floor(Date.now() / 3_600_000) * 3_600_000
    const [from, to] = [new Date(hour).toISOString(), new Date(hour + 3 * 3_600_000).toISOString()]
    const { id } = await insertBooking(server, desk, owner, { from, to })
    const next = { spaceId: desk.id, startsAt: new Date(hour + 2 * 3_600_000).toISOString() }
    const hold = () => clientOf(server, owner).bookings.create.mutate(next)
    expect(await reasonOf(hold())).toBe('SLOT_TAKEN')
    expect(await outcomeOf('admin', id, 'no_show')).toBe('no_show')
    expect(await hold()).toMatchObject({ status: 'held' })
  })
})
