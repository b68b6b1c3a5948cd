import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createTRPCClient, httpBatchLink, httpLink } from '@trpc/client'
import { eq, sql } from 'drizzle-orm'
import { bookings, idempotencyKeys } from '../src/db/schema'
import type { AppRouter } from '../src/routers'
import type { Booking } from '../src/schemas/bookings'
import type { RunningServer } from '../src/server'
import { deleteOldKeys } from '../src/services/shared/idempotency'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  rest,
  startTestServer,
  stopTestServers,
  type TestPerson,
  testDate,
} from './support/world'

let server: RunningServer
let other: RunningServer
beforeAll(async () => {
  server = await startTestServer()
  other = await startTestServer({ databaseUrl: server.deps.env.DATABASE_URL ?? '' })
})
afterAll(stopTestServers)

const keyed = (person: TestPerson, key: string, on = server) =>
  createTRPCClient<AppRouter>({
    links: [
      httpLink({
        url: `${on.url}/trpc`,
        headers: { authorization: `Bearer ${person.token}`, 'idempotency-key': key },
      }),
    ],
  })

const countBookings = async (userId: string) => server.deps.db.$count(bookings, eq(bookings.userId, userId))
const keysOf = (userId: string) =>
  server.deps.db.select().from(idempotencyKeys).where(eq(idempotencyKeys.userId, userId))

/** Edits the user's keys, as if time had passed or their server had died. */
const changeKey = (userId: string, set: ReturnType<typeof sql>) =>
  server.deps.db.execute(sql`UPDATE idempotency_keys SET ${set} WHERE user_id = ${userId}`)

test('one key and body get one stored response, over REST and tRPC', async () => {
  const space = await makeSpace(server, { units: 3 })
  const ada = await makePerson(server)
  const body = { spaceId: space.id, startsAt: at(9) }
  const ask = (on: RunningServer, sent: object) =>
    fetch(`${on.url}/api/bookings`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${ada.token}`,
        'content-type': 'application/json',
        'idempotency-key': 'one',
      },
      body: JSON.stringify(sent),
    })
  const first = await ask(server, body)
  expect(first.status).toBe(200)
  const text = await first.text()
  const again = await ask(other, { startsAt: at(9), spaceId: space.id })
  expect(again.status).toBe(200)
  expect(await again.text()).toBe(text)
  expect(await keyed(ada, 'one').bookings.create.mutate(body)).toEqual(JSON.parse(text))
  expect(await countBookings(ada.id)).toBe(1)
})

test('forty equal requests on two servers make one booking and get one response', async () => {
  const space = await makeSpace(server, { units: 50 })
  const ada = await makePerson(server)
  const input = { spaceId: space.id, startsAt: at(9) }
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      keyed(ada, 'race', index % 2 ? server : other).bookings.create.mutate(input),
    ),
  )
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
  expect(await countBookings(ada.id)).toBe(1)
})

test('a deeply nested input is refused and stores no key', async () => {
  const ada = await makePerson(server)
  const body = `{"spaceId":${'['.repeat(20_000)}${']'.repeat(20_000)}}`
  const paths = ['/api/bookings', '/trpc/bookings.create']
  for (const path of paths) {
    const headers = {
      authorization: `Bearer ${ada.token}`,
      'content-type': 'application/json',
      'idempotency-key': 'deep',
    }
    const answer = await fetch(`${server.url}${path}`, { method: 'POST', headers, body })
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain('"reason":"VALIDATION"')
  }
  expect(await keysOf(ada.id)).toEqual([])
})

test('a key belongs to one user and one procedure', async () => {
  const space = await makeSpace(server, { units: 3 })
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const slotId = `${space.id}@${at(9)}`
  const hers = await keyed(ada, 'shared').slots.hold.mutate({ slotId })
  const his = await keyed(bob, 'shared').slots.hold.mutate({ slotId })
  expect(his.id).not.toBe(hers.id)
  expect(await keyed(ada, 'shared').slots.book.mutate({ slotId })).toMatchObject({
    id: hers.id,
    status: 'confirmed',
  })
})

test('another body under the same key is IDEMPOTENCY_MISMATCH and changes nothing', async () => {
  const space = await makeSpace(server)
  const ada = await makePerson(server)
  await keyed(ada, 'k').slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
  const refused = await rest(server, `/slots/${space.id}@${at(10)}/hold`, {
    method: 'POST',
    person: ada,
    headers: { 'idempotency-key': 'k' },
  })
  expect(refused.status).toBe(400)
  expect(refused.body).toMatchObject({ reason: 'IDEMPOTENCY_MISMATCH', code: 'BAD_REQUEST' })
  expect(await countBookings(ada.id)).toBe(1)
})

test('a refused request stores no key and can be repeated with it', async () => {
  const space = await makeSpace(server)
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const slotId = `${space.id}@${at(9)}`
  await clientOf(server, bob).slots.hold.mutate({ slotId })
  expect(await reasonOf(keyed(ada, 'k').slots.hold.mutate({ slotId }))).toBe('SLOT_TAKEN')
  expect(await reasonOf(keyed(ada, 'k').slots.hold.mutate({ slotId: 'no slot' }))).toBe('VALIDATION')
  expect(await keysOf(ada.id)).toEqual([])
  await clientOf(server, bob).slots.release.mutate({ slotId })
  expect(await keyed(ada, 'k').slots.hold.mutate({ slotId })).toMatchObject({ status: 'held' })
})

test('a repeated request waits for the running one, or gets IN_PROGRESS if it is slow', async () => {
  const space = await makeSpace(server)
  const ada = await makePerson(server)
  const slotId = `${space.id}@${at(9)}`
  const hold = await keyed(ada, 'k').slots.hold.mutate({ slotId })
  const [row] = await keysOf(ada.id)
  await changeKey(ada.id, sql`answer = NULL, running_until = clock_timestamp() + interval '1 minute'`)

  const waiting = keyed(ada, 'k', other).slots.hold.mutate({ slotId })
  expect(await Promise.race([waiting.then(() => 'answered'), Bun.sleep(100).then(() => 'waits')])).toBe(
    'waits',
  )
  await changeKey(ada.id, sql`answer = ${JSON.stringify(row?.answer)}::json`)
  expect(await waiting).toEqual(hold)

  await changeKey(ada.id, sql`answer = NULL`)
  expect(await reasonOf(keyed(ada, 'k').slots.hold.mutate({ slotId }))).toBe('IN_PROGRESS')
}, 20_000)

test('the key of a server that died is taken over by exactly one request', async () => {
  const space = await makeSpace(server, { units: 9 })
  const ada = await makePerson(server)
  const input = { spaceId: space.id, startsAt: at(9) }
  await keyed(ada, 'k').bookings.create.mutate(input)
  await changeKey(ada.id, sql`answer = NULL, running_until = clock_timestamp() - interval '1 second'`)
  const answers = await Promise.all(
    [server, other, server, other].map((on) => keyed(ada, 'k', on).bookings.create.mutate(input)),
  )
  expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
  expect(await countBookings(ada.id)).toBe(2)
})

test('a key expires after 24 hours, with or without the clean-up, and not earlier', async () => {
  const space = await makeSpace(server, { units: 3 })
  const ada = await makePerson(server)
  const input = { spaceId: space.id, startsAt: at(9) }
  const first = await keyed(ada, 'k').bookings.create.mutate(input)
  await changeKey(ada.id, sql`created_at = clock_timestamp() - interval '23 hours 59 minutes'`)
  await deleteOldKeys(server.deps)
  expect(await keyed(ada, 'k').bookings.create.mutate(input)).toEqual(first)
  await changeKey(ada.id, sql`created_at = clock_timestamp() - interval '24 hours 1 second'`)
  expect((await keyed(ada, 'k').bookings.create.mutate(input)).id).not.toBe(first.id)
  await changeKey(ada.id, sql`created_at = clock_timestamp() - interval '24 hours 1 second'`)
  expect(await deleteOldKeys(server.deps)).toBeGreaterThan(0)
  expect(await keysOf(ada.id)).toEqual([])
})

test('an invalid key, or a key on a batch, is refused without effect', async () => {
  const space = await makeSpace(server, { units: 3 })
  const ada = await makePerson(server)
  const slots = [9, 10].map((hour) => `${space.id}@${at(hour)}`)
  for (const key of ['two words', 'x'.repeat(256), '']) {
    const { status, body } = await rest(server, `/slots/${slots[0]}/hold`, {
      method: 'POST',
      person: ada,
      headers: { 'idempotency-key': key },
    })
    expect([key, status, body.reason]).toEqual([key, 400, 'VALIDATION'])
  }
  const headers = { authorization: `Bearer ${ada.token}`, 'idempotency-key': 'k' }
  const batch = createTRPCClient<AppRouter>({
    links: [httpBatchLink({ url: `${server.url}/trpc`, headers })],
  })
  const reasons = await Promise.all(slots.map((slotId) => reasonOf(batch.slots.hold.mutate({ slotId }))))
  expect(reasons).toEqual(['VALIDATION', 'VALIDATION'])
  expect(await countBookings(ada.id)).toBe(0)
})

test('queries and account changes ignore the key', async () => {
  const space = await makeSpace(server)
  const ada = await makePerson(server)
  await keyed(ada, 'k').slots.day.query({ spaceId: space.id, date: testDate })
  await keyed(ada, 'k').auth.update.mutate({ name: 'Ada' })
  expect(await keyed(ada, 'k').auth.update.mutate({ name: 'Ada Lovelace' })).toMatchObject({
    name: 'Ada Lovelace',
  })
  expect(await keysOf(ada.id)).toEqual([])
})

test('the secrets of iCal feeds and door screens are never stored under a key', async () => {
  const ada = await makePerson(server, 'admin')
  const { secret } = await keyed(ada, 'k').calendar.renew.mutate({})
  expect((await keyed(ada, 'k').calendar.renew.mutate({})).secret).not.toBe(secret)
  const door = { id: (await makeSpace(server)).locationId }
  const screen = await keyed(ada, 'k').checkIns.renewDoorScreen.mutate(door)
  expect((await keyed(ada, 'k').checkIns.renewDoorScreen.mutate(door)).secret).not.toBe(screen.secret)
  expect(await keysOf(ada.id)).toEqual([])
})

test('a stored response is returned only while the caller is still allowed', async () => {
  const admin = await makePerson(server, 'admin')
  const space = await makeSpace(server)
  const input = { id: space.id, name: 'Renamed' }
  await keyed(admin, 'k').spaces.update.mutate(input)
  expect(await keyed(admin, 'k').spaces.update.mutate(input)).toMatchObject({ name: 'Renamed' })
  await server.deps.db.execute(sql`UPDATE users SET role = 'customer' WHERE id = ${admin.id}`)
  expect(await reasonOf(keyed(admin, 'k').spaces.update.mutate(input))).toBe('NOT_ALLOWED')
})

test('a deleted user is not signed in, even with a key', async () => {
  const space = await makeSpace(server)
  const ada = await makePerson(server)
  await clientOf(server, ada).auth.deleteMe.mutate()
  const { status, body } = await rest<Booking & { reason: string }>(
    server,
    `/slots/${space.id}@${at(9)}/hold`,
    {
      method: 'POST',
      person: ada,
      headers: { 'idempotency-key': 'k' },
    },
  )
  expect([status, body.reason]).toEqual([401, 'NOT_SIGNED_IN'])
})
