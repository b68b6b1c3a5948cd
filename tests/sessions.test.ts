import { afterAll, beforeAll, expect, test } from 'bun:test'
import { jwt } from '@elysiajs/jwt'
import { eq, sql } from 'drizzle-orm'
import { refreshTokens } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { deleteDeadTokens } from '../src/services/accounts/sessions'
import { startSessionOf } from './support/accounts'
import { clientOf, makePerson, reasonOf, startTestServer, stopTestServers } from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(stopTestServers)

const visitor = () => clientOf(server).auth
const as = (signedIn: { accessToken: string }) => clientOf(server, { token: signedIn.accessToken })
const refresh = (refreshToken: string) => visitor().refresh.mutate({ refreshToken })

/** Makes the last replacement of the user's tokens older than the grace period for retries. */
const passGrace = (userId: string) =>
  server.deps.db
    .update(refreshTokens)
    .set({ replacedAt: sql`${refreshTokens.replacedAt} - interval '11 seconds'` })
    .where(eq(refreshTokens.userId, userId))

test('a refresh token is replaced at each use, and only its hash is stored', async () => {
  const first = await startSessionOf(server, await makePerson(server))
  const second = await refresh(first.refreshToken)
  expect(second.user).toEqual(first.user)
  expect(second.refreshToken).not.toBe(first.refreshToken)
  const third = await refresh(second.refreshToken)
  expect(await as(third).auth.me.query()).toEqual(first.user)
  const rows = await server.deps.db
    .select()
    .from(refreshTokens)
    .where(eq(refreshTokens.userId, first.user.id))
  expect(rows).toHaveLength(3)
  for (const { refreshToken } of [first, second, third])
    expect(JSON.stringify(rows)).not.toContain(refreshToken)
})

test('a repeated refresh returns the same successor for ten seconds', async () => {
  const ada = await makePerson(server)
  const { refreshToken } = await startSessionOf(server, ada)
  const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(refreshToken)))
  expect(new Set(answers.map((answer) => answer.refreshToken)).size).toBe(1)
  expect((await refresh(refreshToken)).refreshToken).toBe(answers[0]?.refreshToken ?? '')
  await passGrace(ada.id)
  expect(await reasonOf(refresh(refreshToken))).toBe('REFRESH_REUSED')
})

test('a token reused after its successor was used ends its session and no other', async () => {
  const ada = await makePerson(server)
  const [stolen, elsewhere] = [await startSessionOf(server, ada), await startSessionOf(server, ada)]
  const second = await refresh(stolen.refreshToken)
  const third = await refresh(second.refreshToken)
  expect(await reasonOf(refresh(stolen.refreshToken))).toBe('REFRESH_REUSED')
  expect(await reasonOf(refresh(third.refreshToken))).toBe('REFRESH_INVALID')
  expect(await reasonOf(refresh(second.refreshToken))).toBe('REFRESH_INVALID')
  expect((await refresh(elsewhere.refreshToken)).user.id).toBe(ada.id)
})

test('an unknown or expired token is refused, and deleted a day after it expires', async () => {
  const ada = await makePerson(server)
  const { refreshToken } = await startSessionOf(server, ada)
  expect(await reasonOf(refresh('never issued'))).toBe('REFRESH_INVALID')
  const end = (when: string) =>
    server.deps.db
      .update(refreshTokens)
      .set({ expiresAt: sql.raw(when) })
      .where(eq(refreshTokens.userId, ada.id))
  await end(`now() - interval '1 second'`)
  expect(await reasonOf(refresh(refreshToken))).toBe('REFRESH_INVALID')
  expect(await deleteDeadTokens(server.deps)).toBe(0)
  await end(`now() - interval '25 hours'`)
  expect(await deleteDeadTokens(server.deps)).toBe(1)
})

test('signing out ends the session even during a refresh, and can be repeated', async () => {
  const ada = await makePerson(server)
  for (let round = 0; round < 5; round++) {
    const { refreshToken } = await startSessionOf(server, ada)
    const [raced] = await Promise.allSettled([
      refresh(refreshToken),
      visitor().logout.mutate({ refreshToken }),
    ])
    expect(await reasonOf(refresh(refreshToken))).toBe('REFRESH_INVALID')
    if (raced.status === 'fulfilled')
      expect(await reasonOf(refresh(raced.value.refreshToken))).toBe('REFRESH_INVALID')
    expect(await visitor().logout.mutate({ refreshToken })).toEqual({ ok: true })
  }
})

test('sessions are listed by device, and each can be ended by its own user only', async () => {
  const ada = await makePerson(server)
  const [phone, laptop] = [
    await startSessionOf(server, ada, 'phone'),
    await startSessionOf(server, ada, 'laptop'),
  ]
  const renewed = await refresh(phone.refreshToken)
  const { items } = await as(laptop).auth.sessions.query()
  expect(items.map(({ device }) => device)).toEqual(['phone', 'laptop'])
  const [first] = items
  if (!first) throw new Error('no session')
  const stranger = clientOf(server, await makePerson(server, 'admin'))
  expect(await reasonOf(stranger.auth.endSession.mutate({ id: first.id }))).toBe('NOT_FOUND')
  await as(laptop).auth.endSession.mutate({ id: first.id })
  expect(await reasonOf(as(laptop).auth.endSession.mutate({ id: first.id }))).toBe('NOT_FOUND')
  expect(await reasonOf(refresh(renewed.refreshToken))).toBe('REFRESH_INVALID')
  expect((await as(laptop).auth.sessions.query()).items).toHaveLength(1)
})

test('an expired access token is reported as expired, a forged one as not signed in', async () => {
  const ada = await makePerson(server)
  const { jwt: signer } = jwt({ name: 'jwt', secret: server.deps.env.JWT_SECRET }).decorator
  const now = Math.floor(Date.now() / 1000)
  const ended = await signer.sign({ sub: ada.id, role: 'customer', exp: now - 1 })
  const forged = await jwt({ name: 'jwt', secret: 'a long secret of another server' }).decorator.jwt.sign({
    sub: ada.id,
    role: 'admin',
    exp: now + 600,
  })
  const [head, claims, signature] = ada.token.split('.')
  const unsigned = `${btoa('{"alg":"none"}').replace(/=/g, '')}.${claims}.`
  const raised = `${head}.${btoa(atob(claims ?? '').replace('customer', 'admin')).replace(/=/g, '')}.${signature}`
  const askWith = (token: string) => reasonOf(clientOf(server, { token }).auth.me.query())
  expect(await askWith(ended)).toBe('TOKEN_EXPIRED')
  for (const token of [forged, unsigned, raised, 'x', `${ada.token}x`])
    expect(await askWith(token)).toBe('NOT_SIGNED_IN')
  expect(await askWith(ada.token)).toBe('was not refused')
})

test('the current session is marked in the list, also after its tokens were replaced', async () => {
  const ada = await makePerson(server)
  const [here, there] = [await startSessionOf(server, ada), await startSessionOf(server, ada)]
  const current = async (signedIn: { accessToken: string }) =>
    (await as(signedIn).auth.sessions.query()).items.map(({ isCurrent }) => isCurrent)
  expect(await current(here)).toEqual([true, false])
  expect(await current(await refresh(there.refreshToken))).toEqual([false, true])
  expect(await current({ accessToken: ada.token })).toEqual([false, false])
})
