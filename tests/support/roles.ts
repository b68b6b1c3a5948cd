import { eq, sql } from 'drizzle-orm'
import { systemContext } from '../../src/context'
import { bookings, stripeEvents, users } from '../../src/db/schema'
import type { Reason } from '../../src/errors'
import type { RunningServer } from '../../src/server'
import { passwordLink } from '../../src/services/accounts/password-reset'
import { payInBrowser, untilBooking } from './money'
import { makeSpecialist } from './specialists'
import { proofOf } from './telegram'
import { allDay, at, clientOf, makePerson, makeSpace, type TestPerson, testDate } from './world'

/** The outcome of a call: success or the reason of the refusal. */
export type Given = 'ok' | Reason

/** In the order of a row's answers. The customer owns the data; the others do not. */
export const CALLERS = ['nobody', 'customer', 'other', 'specialist', 'admin'] as const
export type Caller = (typeof CALLERS)[number]

type Answers = readonly [nobody: Given, customer: Given, other: Given, specialist: Given, admin: Given]
type Row = readonly [answers: Answers, input: (world: RolesWorld) => unknown]

const ANYONE: Answers = ['ok', 'ok', 'ok', 'ok', 'ok']
/** Open to everyone, but the server of these tests sends no mail. */
const NO_MAIL: Answers = ['INVALID_STATE', 'INVALID_STATE', 'INVALID_STATE', 'INVALID_STATE', 'INVALID_STATE']
const SIGNED_IN: Answers = ['NOT_SIGNED_IN', 'ok', 'ok', 'ok', 'ok']
const ADMIN: Answers = ['NOT_SIGNED_IN', 'NOT_ALLOWED', 'NOT_ALLOWED', 'NOT_ALLOWED', 'ok']
const OWNER: Answers = ['NOT_SIGNED_IN', 'ok', 'NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND']
const OWNER_OR_ADMIN: Answers = ['NOT_SIGNED_IN', 'ok', 'NOT_FOUND', 'NOT_FOUND', 'ok']
/** An admin can see it, but only its owner can change it. */
const OWNER_ADMIN_SEES: Answers = ['NOT_SIGNED_IN', 'ok', 'NOT_FOUND', 'NOT_FOUND', 'NOT_ALLOWED']
/** Everyone can see it; only its organizer and admins can change it. */
const MAKER_OR_ADMIN: Answers = ['NOT_SIGNED_IN', 'ok', 'NOT_ALLOWED', 'NOT_ALLOWED', 'ok']
const STAFF_OF_BOOKING: Answers = ['NOT_SIGNED_IN', 'NOT_ALLOWED', 'NOT_FOUND', 'NOT_FOUND', 'ok']

/** The data belongs to a specialist other than the caller. */
const STAFF: Answers = ADMIN

const nothing = () => ({})

/** One row per procedure: the outcome for each caller, and a valid input, made for each call. */
export const ROLES: Record<string, Row> = {
  'auth.register': [ANYONE, () => ({ email: freshEmail(), password: 'a-long-passphrase', name: 'New' })],
  'auth.login': [ANYONE, async (w) => ({ email: (await w.account()).email, password: PASSWORD })],
  'auth.forgotPassword': [NO_MAIL, () => ({ email: freshEmail() })],
  'auth.resetPassword': [ANYONE, async (w) => ({ token: await w.passwordToken(), password: PASSWORD })],
  'auth.refresh': [ANYONE, async (w) => ({ refreshToken: (await w.account()).refreshToken })],
  'auth.logout': [ANYONE, async (w) => ({ refreshToken: (await w.account()).refreshToken })],
  'auth.sessions': [SIGNED_IN, nothing],
  'auth.endSession': [OWNER, async (w) => ({ id: await w.session() })],
  'auth.me': [SIGNED_IN, nothing],
  'auth.update': [SIGNED_IN, () => ({ name: 'Another name' })],
  'auth.deleteMe': [SIGNED_IN, nothing],
  'auth.exportMe': [SIGNED_IN, nothing],
  'auth.telegram': [ANYONE, (w) => proofOf(w.server)],
  'auth.telegramBot': [ANYONE, nothing],
  'auth.telegramAccount': [SIGNED_IN, nothing],
  'auth.linkTelegram': [SIGNED_IN, (w) => proofOf(w.server)],
  'auth.telegramCode': [SIGNED_IN, nothing],
  'auth.unlinkTelegram': [SIGNED_IN, (w) => w.everyoneLinked()],
  'users.list': [ADMIN, nothing],
  'analytics.summary': [ADMIN, nothing],
  'analytics.report': [ADMIN, nothing],
  'users.update': [ADMIN, async (w) => ({ id: (await makePerson(w.server)).id, role: 'specialist' })],
  'locations.list': [ANYONE, nothing],
  'locations.byId': [ANYONE, async (w) => ({ id: (await w.space()).locationId })],
  'locations.create': [ADMIN, () => ({ name: 'House', timeZone: 'Europe/Rome', hours: allDay })],
  'locations.update': [ADMIN, async (w) => ({ id: (await w.space()).locationId, city: 'Rome' })],
  'locations.remove': [ADMIN, async (w) => ({ id: (await w.space()).locationId })],
  'spaces.list': [ANYONE, nothing],
  'spaces.search': [ANYONE, () => ({ from: at(9), to: at(10) })],
  'spaces.byId': [ANYONE, async (w) => ({ id: (await w.space()).id })],
  'spaces.create': [
    ADMIN,
    async (w) => ({ locationId: (await w.space()).locationId, name: 'Desk', kind: 'desk' }),
  ],
  'spaces.update': [ADMIN, async (w) => ({ id: (await w.space()).id, capacity: 3 })],
  'spaces.remove': [ADMIN, async (w) => ({ id: (await w.space()).id })],
  'realtime.watch': [ANYONE, async (w) => ({ spaceId: (await w.space()).id, date: testDate })],
  'realtime.watchLocation': [ANYONE, async (w) => ({ locationId: (await w.space()).locationId })],
  'closures.list': [ANYONE, nothing],
  'closures.create': [
    ADMIN,
    async (w) => ({ locationId: (await w.space()).locationId, startsAt: at(9), endsAt: at(10) }),
  ],
  'closures.update': [ADMIN, async (w) => ({ id: await w.closure(), reason: 'Painting' })],
  'closures.remove': [ADMIN, async (w) => ({ id: await w.closure() })],
  'slots.day': [ANYONE, async (w) => ({ spaceId: (await w.space()).id, date: '2027-01-04' })],
  'slots.hold': [SIGNED_IN, async (w) => ({ slotId: `${(await w.space()).id}@${at(9)}` })],
  'slots.book': [OWNER, async (w) => ({ slotId: slotOf(await w.hold()) })],
  'slots.release': [OWNER, async (w) => ({ slotId: slotOf(await w.hold()) })],
  'bookings.list': [SIGNED_IN, nothing],
  'bookings.byId': [OWNER_OR_ADMIN, async (w) => ({ id: (await w.booking()).id })],
  'bookings.create': [SIGNED_IN, async (w) => ({ spaceId: (await w.space()).id, startsAt: at(9) })],
  'bookings.confirm': [OWNER_ADMIN_SEES, async (w) => ({ id: (await w.hold()).id })],
  'bookings.reschedule': [OWNER, async (w) => ({ id: (await w.booking()).id, startsAt: at(12) })],
  'bookings.previewRefund': [OWNER_OR_ADMIN, async (w) => ({ id: (await w.booking()).id })],
  'bookings.cancel': [OWNER_OR_ADMIN, async (w) => ({ id: (await w.booking()).id })],
  'bookings.complete': [STAFF_OF_BOOKING, async (w) => ({ id: await w.pastBooking() })],
  'bookings.noShow': [STAFF_OF_BOOKING, async (w) => ({ id: await w.pastBooking() })],
  'checkIns.checkIn': [SIGNED_IN, async (w) => ({ locationId: (await w.space()).locationId })],
  'checkIns.checkOut': [SIGNED_IN, (w) => w.everyoneCheckedIn()],
  'checkIns.present': [SIGNED_IN, async (w) => ({ locationId: (await w.space()).locationId })],
  'checkIns.doorCode': [ADMIN, async (w) => ({ id: (await w.space()).locationId })],
  'checkIns.renewDoorScreen': [ADMIN, async (w) => ({ id: (await w.space()).locationId })],
  'checkIns.screenCode': [ANYONE, async (w) => ({ secret: await w.screenSecret() })],
  'events.list': [ANYONE, nothing],
  'events.byId': [ANYONE, async (w) => ({ id: (await w.event()).id })],
  'events.create': [
    SIGNED_IN,
    async (w) => ({
      locationId: (await w.space()).locationId,
      title: 'Breakfast',
      startsAt: at(9),
      endsAt: at(10),
    }),
  ],
  'events.update': [MAKER_OR_ADMIN, async (w) => ({ id: (await w.event()).id, text: 'Bring a friend' })],
  'events.remove': [MAKER_OR_ADMIN, async (w) => ({ id: (await w.event()).id })],
  'events.attendees': [MAKER_OR_ADMIN, async (w) => ({ id: (await w.event()).id })],
  'events.attend': [SIGNED_IN, async (w) => ({ id: (await w.event()).id })],
  'events.leave': [SIGNED_IN, async (w) => ({ id: (await w.attendedByAll()).id })],
  'calendar.renew': [SIGNED_IN, nothing],
  'notifications.list': [SIGNED_IN, nothing],
  'notifications.markRead': [SIGNED_IN, nothing],
  'notifications.preferences': [SIGNED_IN, nothing],
  'notifications.setPreferences': [SIGNED_IN, () => ({ items: [{ kind: 'reminder_day', email: false }] })],
  'payments.createIntent': [OWNER, async (w) => ({ bookingId: (await w.hold({ priceMinor: 2000 })).id })],
  'payments.confirm': [OWNER_OR_ADMIN, async (w) => ({ bookingId: await w.paidBooking() })],
  'payments.refund': [OWNER_OR_ADMIN, async (w) => ({ bookingId: await w.paidBooking() })],
  'payments.list': [SIGNED_IN, nothing],
  'payments.refunds': [ADMIN, nothing],
  'payments.events': [ADMIN, nothing],
  'payments.retryEvent': [ADMIN, async (w) => ({ id: await w.stripeEvent() })],
  'bookings.accept': [STAFF_OF_BOOKING, async (w) => ({ id: await w.pendingBooking() })],
  'bookings.decline': [STAFF_OF_BOOKING, async (w) => ({ id: await w.pendingBooking() })],
  'specialists.list': [ANYONE, nothing],
  'specialists.byId': [ANYONE, async (w) => ({ id: (await w.specialist()).specialist.id })],
  'specialists.day': [ANYONE, async (w) => ({ id: (await w.specialist()).specialist.id, date: testDate })],
  'specialists.create': [
    STAFF,
    async (w) => {
      const { id } = await makePerson(w.server, 'specialist')
      return { userId: id, locationId: (await w.space()).locationId }
    },
  ],
  'specialists.update': [STAFF, async (w) => ({ id: (await w.specialist()).specialist.id, about: 'New' })],
  'specialists.remove': [STAFF, async (w) => ({ id: (await w.specialist()).specialist.id })],
  'services.list': [ANYONE, nothing],
  'services.create': [
    STAFF,
    async (w) => ({ specialistId: (await w.specialist()).specialist.id, name: 'Advice' }),
  ],
  'services.update': [STAFF, async (w) => ({ id: (await w.specialist()).service.id, name: 'Advice' })],
  'services.remove': [STAFF, async (w) => ({ id: (await w.specialist()).service.id })],
  'reviews.list': [ANYONE, nothing],
  'reviews.hidden': [ADMIN, nothing],
  'reviews.create': [OWNER, async (w) => ({ bookingId: await w.completedBooking(), rating: 5 })],
  'reviews.update': [OWNER, async (w) => ({ id: await w.review(), rating: 4 })],
  'reviews.answer': [STAFF, async (w) => ({ id: await w.review(), answer: 'Thank you' })],
  'reviews.hide': [ADMIN, async (w) => ({ id: await w.review(), reason: 'Names a person' })],
  'reviews.show': [ADMIN, async (w) => ({ id: await w.review() })],
  'loyalty.mine': [SIGNED_IN, nothing],
  'loyalty.ofUser': [ADMIN, async (w) => ({ id: (await makePerson(w.server)).id })],
  'loyalty.correct': [
    ADMIN,
    async (w) => ({ id: (await makePerson(w.server)).id, points: 10, reason: 'Welcome' }),
  ],
  'realtime.stats': [ADMIN, nothing],
  'realtime.announce': [ADMIN, () => ({ message: 'We close early today.' })],
}

const PASSWORD = 'a-long-passphrase'
let passwordHash: Promise<string> | undefined
const freshEmail = () => `fresh-${Bun.randomUUIDv7()}@example.com`
const slotOf = (booking: { spaceId: string | null; startsAt: string }) =>
  `${booking.spaceId}@${booking.startsAt}`

export type RolesWorld = Awaited<ReturnType<typeof makeRolesWorld>>

/** Callers of every role, and factories for the inputs of rows. All data belongs to the customer. */
export async function makeRolesWorld(server: RunningServer) {
  const callers: Record<Caller, TestPerson | undefined> = {
    nobody: undefined,
    customer: await makePerson(server),
    other: await makePerson(server),
    specialist: await makePerson(server, 'specialist'),
    admin: await makePerson(server, 'admin'),
  }
  const client = clientOf(server, callers.customer)
  const admin = clientOf(server, callers.admin)

  /** Inserts a session. Its only refresh token is also its id. */
  async function makeSession(userId: string | undefined): Promise<string> {
    const family = Bun.randomUUIDv7()
    await server.deps.db.execute(sql`
      INSERT INTO refresh_tokens (id, user_id, family, token_hash, expires_at)
      VALUES (${family}, ${userId}, ${family}, encode(sha256(${family}::bytea), 'hex'), now() + interval '1 day')`)
    return family
  }

  const world = {
    server,
    callers,
    /** A specialist other than the caller. */
    specialist: () => makeSpecialist(server, { service: { needsApproval: true } }),
    pendingBooking: async () => {
      const { service } = await world.specialist()
      const { id } = await client.bookings.create.mutate({ serviceId: service.id, startsAt: at(9) })
      return (await client.bookings.confirm.mutate({ id })).id
    },
    completedBooking: async () => {
      const id = await world.pastBooking()
      return (await admin.bookings.complete.mutate({ id })).id
    },
    passwordToken: async () => {
      const { email } = await world.account()
      const { link } = await passwordLink(systemContext(server.deps, 'clock'), { email })
      return link.slice(link.indexOf('#') + 1)
    },
    screenSecret: async () =>
      (await admin.checkIns.renewDoorScreen.mutate({ id: (await world.space()).locationId })).secret,
    review: async () =>
      (await client.reviews.create.mutate({ bookingId: await world.completedBooking(), rating: 5 })).id,
    space: () => makeSpace(server),
    account: async () => {
      passwordHash ??= Bun.password.hash(PASSWORD)
      const { id, email } = await makePerson(server)
      await server.deps.db
        .update(users)
        .set({ passwordHash: await passwordHash })
        .where(eq(users.id, id))
      return { email, refreshToken: await makeSession(id) }
    },
    session: () => makeSession(callers.customer?.id),
    closure: async () => {
      const { locationId } = await world.space()
      return (await admin.closures.create.mutate({ locationId, startsAt: at(9), endsAt: at(10) })).id
    },
    /** Every caller has linked Telegram, and has a password so that it can be unlinked. */
    everyoneLinked: async () => {
      for (const caller of Object.values(callers).flatMap((one) => one ?? [])) {
        const already = await clientOf(server, caller).auth.telegramAccount.query()
        if (!already.account) await clientOf(server, caller).auth.linkTelegram.mutate(proofOf(server))
        await server.deps.db.update(users).set({ passwordHash: 'none' }).where(eq(users.id, caller.id))
      }
      return {}
    },
    everyoneCheckedIn: async () => {
      const { locationId } = await world.space()
      for (const caller of Object.values(callers))
        if (caller) await clientOf(server, caller).checkIns.checkIn.mutate({ locationId })
      return {}
    },
    event: async () => {
      const { locationId } = await world.space()
      return client.events.create.mutate({ locationId, title: 'Lunch', startsAt: at(12), endsAt: at(13) })
    },
    attendedByAll: async () => {
      const event = await world.event()
      for (const caller of Object.values(callers))
        if (caller) await clientOf(server, caller).events.attend.mutate({ id: event.id })
      return event
    },
    hold: async (settings: Parameters<typeof makeSpace>[1] = {}) =>
      client.slots.hold.mutate({ slotId: `${(await makeSpace(server, settings)).id}@${at(9)}` }),
    paidBooking: async () => {
      const { id } = await world.hold({ priceMinor: 2000 })
      await payInBrowser(server, await client.payments.createIntent.mutate({ bookingId: id }))
      await untilBooking(server, id, ({ status }) => status === 'confirmed')
      return id
    },
    /** A Stripe event whose processing failed. */
    stripeEvent: async () => {
      const id = `evt_${Bun.randomUUIDv7().replaceAll('-', '')}`
      await server.deps.db.insert(stripeEvents).values({ id, type: 'charge.failed', state: 'failed' })
      return id
    },
    booking: async () => client.bookings.confirm.mutate({ id: (await world.hold()).id }),
    /** A confirmed booking that is over. */
    pastBooking: async () => {
      const { id } = await world.booking()
      await server.deps.db
        .update(bookings)
        .set({
          startsAt: sql`now() - interval '3 hours'`,
          endsAt: sql`now() - interval '2 hours'`,
          claimed: sql`tstzrange(now() - interval '3 hours', now() - interval '2 hours')`,
        })
        .where(eq(bookings.id, id))
      return id
    },
  }
  return world
}
