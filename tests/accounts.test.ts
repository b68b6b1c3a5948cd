import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { bookings, payments, users } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { makeAccount, newEmail, password, startSessionOf } from './support/accounts'
import { openSocket } from './support/socket'
import {
  at,
  clientOf,
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

const anyone = () => clientOf(server).auth
const as = (signedIn: { accessToken: string }) => clientOf(server, { token: signedIn.accessToken })
const refresh = (refreshToken: string) => anyone().refresh.mutate({ refreshToken })
const logIn = ({ email }: { email: string }, platform?: string) =>
  anyone().login.mutate({ email, password, platform })

test('an email has one account, whatever its case', async () => {
  const email = newEmail()
  const opened = await anyone().register.mutate({ email: email.toUpperCase(), password, name: ' Ada ' })
  expect(opened.user).toMatchObject({ email, name: 'Ada', role: 'customer', language: 'en' })
  expect(opened.expiresIn).toBe(3600)
  expect(await as(opened).auth.me.query()).toEqual(opened.user)
  expect(await reasonOf(anyone().register.mutate({ email, password, name: 'Eve' }))).toBe('EMAIL_TAKEN')
  expect((await logIn({ email: email.toUpperCase() })).user).toEqual(opened.user)
})

test('an overlong email is refused by its length before any pattern runs', async () => {
  const email = `${'a.'.repeat(200_000)}@example.com`
  const { status, body } = await rest(server, '/auth/register', {
    method: 'POST',
    body: { email, password, name: 'Ada' },
  })
  expect(status).toBe(400)
  expect(body).toMatchObject({ reason: 'VALIDATION', issues: [{ path: 'email' }] })
  expect(body.issues).toHaveLength(1)
})

test('five concurrent registrations of one email create one account', async () => {
  const email = newEmail()
  const all = Array.from({ length: 5 }, () =>
    reasonOf(anyone().register.mutate({ email, password, name: 'A' })),
  )
  expect((await Promise.all(all)).sort()).toEqual([...Array(4).fill('EMAIL_TAKEN'), 'was not refused'])
})

test('a login gives one refusal for wrong password, unknown email and no password', async () => {
  const ada = await makeAccount(server)
  const passwordless = await makePerson(server)
  const replies = await Promise.all(
    [ada.email, newEmail(), passwordless.email].map((email) =>
      rest(server, '/auth/login', { method: 'POST', body: { email, password: 'not the password' } }),
    ),
  )
  const responses = replies.map(({ status, body }) => ({ status, ...body, requestId: '' }))
  expect(responses[0]).toMatchObject({ status: 401, reason: 'WRONG_CREDENTIALS' })
  expect(responses[1]).toEqual(responses[0])
  expect(responses[2]).toEqual(responses[0])
})

test('a login takes equally long whether or not the email exists', async () => {
  const ada = await makeAccount(server)
  const time = async (email: string) => {
    const started = performance.now()
    await reasonOf(anyone().login.mutate({ email, password: 'not the password' }))
    return performance.now() - started
  }
  // Compares the fastest of several alternating attempts, because other load can only slow them.
  const known: number[] = []
  const unknown: number[] = []
  for (let round = 0; round < 4; round++) {
    known.push(await time(ada.email))
    unknown.push(await time(newEmail()))
  }
  const ratio = Math.min(...known) / Math.min(...unknown)
  expect(ratio).toBeGreaterThan(0.6)
  expect(ratio).toBeLessThan(1.6)
  expect(Math.min(...unknown)).toBeGreaterThan(10)
})

test.each(['$2b$', '$2a$', '$2y$'])(
  'a sign-in with an imported %s hash replaces it with an argon2id hash',
  async (prefix) => {
    const bcrypt = (await Bun.password.hash(password, { algorithm: 'bcrypt', cost: 4 })).replace(
      /^\$2.\$/,
      prefix,
    )
    const ada = await makeAccount(server, bcrypt)
    expect(await reasonOf(anyone().login.mutate({ email: ada.email, password: 'wrong' }))).toBe(
      'WRONG_CREDENTIALS',
    )
    const stored = () => server.deps.db.select().from(users).where(eq(users.id, ada.id))
    expect((await stored())[0]?.passwordHash).toBe(bcrypt)
    await logIn(ada)
    expect((await stored())[0]?.passwordHash).toStartWith('$argon2id$')
    expect((await logIn(ada)).user.id).toBe(ada.id)
  },
)

test('email and password change only with the password; a new one ends all sessions', async () => {
  const ada = await makeAccount(server)
  const signedIn = await startSessionOf(server, ada)
  const { auth } = as(signedIn)
  expect(await auth.update.mutate({ name: 'Ada L.', language: 'it' })).toMatchObject({
    name: 'Ada L.',
    language: 'it',
  })
  const email = newEmail()
  expect(await reasonOf(auth.update.mutate({ email }))).toBe('WRONG_CREDENTIALS')
  expect(await reasonOf(auth.update.mutate({ password: 'another-long-one', currentPassword: 'no' }))).toBe(
    'WRONG_CREDENTIALS',
  )
  const taken = (await makePerson(server)).email
  expect(await reasonOf(auth.update.mutate({ email: taken, currentPassword: password }))).toBe('EMAIL_TAKEN')
  await auth.update.mutate({ email, password: 'another-long-one', currentPassword: password })
  expect(await reasonOf(refresh(signedIn.refreshToken))).toBe('REFRESH_INVALID')
  expect(await reasonOf(logIn({ email }))).toBe('WRONG_CREDENTIALS')
  expect((await anyone().login.mutate({ email, password: 'another-long-one' })).user.name).toBe('Ada L.')
})

test('an export contains the data of its user and of no one else', async () => {
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const space = await makeSpace(server)
  const mine = await clientOf(server, ada).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
  await clientOf(server, bob).slots.hold.mutate({ slotId: `${space.id}@${at(10)}` })
  const exported = await clientOf(server, ada).auth.exportMe.query()
  expect(exported).toMatchObject({ user: { id: ada.id }, sessions: [], bookings: [{ id: mine.id }] })
  expect(exported.bookings).toHaveLength(1)
})

test('deleting an account frees its times, updates boards and revokes its tokens', async () => {
  const ada = await makeAccount(server)
  const signedIn = await startSessionOf(server, ada)
  const client = as(signedIn)
  const space = await makeSpace(server)
  await client.slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
  const booked = await client.bookings.confirm.mutate({
    id: (await client.slots.hold.mutate({ slotId: `${space.id}@${at(10)}` })).id,
  })
  const watcher = await openSocket(server)
  watcher.send({ type: 'join_space', spaceId: space.id, date: testDate })
  await watcher.next('slots_status_update')
  await client.auth.deleteMe.mutate()
  const { slots } = await watcher.next('slot_update')
  expect(slots.map(({ id, status }) => [id, status])).toEqual([
    [`${space.id}@${at(9)}`, 'free'],
    [`${space.id}@${at(10)}`, 'free'],
  ])
  await watcher.close()
  const { db } = server.deps
  expect(await db.select().from(users).where(eq(users.id, ada.id))).toEqual([])
  expect(await db.select().from(bookings).where(eq(bookings.userId, ada.id))).toEqual([])
  const calls = [
    client.auth.me.query(),
    client.bookings.list.query({}),
    client.bookings.byId.query({ id: booked.id }),
    client.slots.hold.mutate({ slotId: `${space.id}@${at(11)}` }),
    client.bookings.create.mutate({ spaceId: space.id, startsAt: at(11) }),
    client.auth.deleteMe.mutate(),
  ]
  expect(new Set(await Promise.all(calls.map(reasonOf)))).toEqual(new Set(['NOT_SIGNED_IN']))
  expect(await reasonOf(refresh(signedIn.refreshToken))).toBe('REFRESH_INVALID')
  expect(await reasonOf(logIn(ada))).toBe('WRONG_CREDENTIALS')
})

test('a deleted user keeps no name on a paid booking, and its time is freed', async () => {
  const ada = await makePerson(server)
  const client = clientOf(server, ada)
  const space = await makeSpace(server)
  const { id } = await client.bookings.create.mutate({ spaceId: space.id, startsAt: at(9), notes: 'for Ada' })
  await client.bookings.confirm.mutate({ id })
  await server.deps.db.update(bookings).set({ priceMinor: 900, paidMinor: 900 }).where(eq(bookings.id, id))
  const paid = {
    bookingId: id,
    amountMinor: 900,
    receivedMinor: 900,
    currency: 'EUR',
    stripeIntentId: 'pi_ada',
  }
  await server.deps.db.insert(payments).values({ ...paid, kind: 'full', status: 'succeeded' })
  await client.auth.deleteMe.mutate()
  const [booking] = await server.deps.db.select().from(bookings).where(eq(bookings.id, id))
  expect(booking).toMatchObject({ status: 'cancelled', paidMinor: 900, notes: null })
  const [person] = await server.deps.db.select().from(users).where(eq(users.id, ada.id))
  expect(person).toMatchObject({ email: null, passwordHash: null, role: 'customer' })
  expect(JSON.stringify(person)).not.toContain(ada.email)
  expect(
    (await clientOf(server).slots.day.query({ spaceId: space.id, date: testDate })).slots[9]?.status,
  ).toBe('free')
  expect(await reasonOf(client.bookings.reschedule.mutate({ id, notes: 'me again' }))).toBe('NOT_SIGNED_IN')
  expect((await anyone().register.mutate({ email: ada.email, password, name: 'Ada' })).user.id).not.toBe(
    ada.id,
  )
})

test('a change of role takes effect at once, also for tokens that are already issued', async () => {
  const [boss, admin, ada] = [
    await makePerson(server, 'admin'),
    await makePerson(server, 'admin'),
    await makePerson(server),
  ]
  const role = (id: string, role: 'customer' | 'admin') =>
    clientOf(server, boss).users.update.mutate({ id, role })
  await role(admin.id, 'customer')
  expect(await reasonOf(clientOf(server, admin).users.list.query({}))).toBe('NOT_ALLOWED')
  await role(ada.id, 'admin')
  expect((await clientOf(server, ada).users.list.query({ search: ada.email })).items).toMatchObject([
    { id: ada.id },
  ])
  expect(await reasonOf(role(boss.id, 'customer'))).toBe('NOT_ALLOWED')
  // A token issued to an admin cannot release holds of others over the socket either.
  const space = await makeSpace(server)
  const hold = await clientOf(server, ada).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
  const socket = await openSocket(server, admin.token)
  socket.send({ type: 'slot_release', bookingId: hold.id })
  expect(await socket.next('error')).toMatchObject({ reason: 'NOT_FOUND' })
  await socket.close()
})

test('two admins who demote each other at once leave one admin', async () => {
  for (let round = 0; round < 5; round++) {
    const [one, other] = [await makePerson(server, 'admin'), await makePerson(server, 'admin')]
    const demote = (by: { token: string }, { id }: { id: string }) =>
      reasonOf(clientOf(server, by).users.update.mutate({ id, role: 'customer' }))
    const outcomes = await Promise.all([demote(one, other), demote(other, one)])
    expect(outcomes.sort()).toEqual(['NOT_ALLOWED', 'was not refused'])
  }
})

test('an update that waits for the deletion of its account restores nothing', async () => {
  const ada = await makePerson(server)
  const change = await server.deps.db.transaction(async (tx) => {
    const gone = { email: null, name: 'Deleted user', deletedAt: sql`now()` }
    await tx.update(users).set(gone).where(eq(users.id, ada.id))
    const changing = reasonOf(clientOf(server, ada).auth.update.mutate({ name: 'Ada again' }))
    const waiting = sql`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
    await until(async () => (await server.deps.db.execute(waiting)).length > 0)
    return { changing }
  })
  expect(await change.changing).toBe('NOT_SIGNED_IN')
  const [row] = await server.deps.db.select().from(users).where(eq(users.id, ada.id))
  expect(row).toMatchObject({ email: null, name: 'Deleted user' })
})
