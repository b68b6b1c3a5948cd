import { afterAll, beforeAll, expect, test } from 'bun:test'
import { jwt } from '@elysiajs/jwt'
import { createClient, isRefused, keepTokens, reasonOf, type SignedIn } from '../client/src'
import type { RunningServer } from '../src/server'
import { startProxy } from './support/proxy'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  startTestServer,
  stopTestServers,
  testDate,
} from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(stopTestServers)

const newAccount = () => ({
  email: `${Bun.randomUUIDv7()}@example.com`,
  password: 'a-long-passphrase',
  name: 'Ada',
})

/** The same tokens with an access token that expired a minute ago. */
async function expired(tokens: SignedIn): Promise<SignedIn> {
  const { jwt: signer } = jwt({ name: 'jwt', secret: server.deps.env.JWT_SECRET }).decorator
  const claims = { sub: tokens.user.id, role: tokens.user.role, exp: Math.floor(Date.now() / 1000) - 60 }
  return { ...tokens, accessToken: await signer.sign(claims) }
}

type Sent = { paths: string[]; batch: boolean; key: string | null; signedIn: boolean }

/** A client that stores its tokens in memory and records its requests. */
function recordingClient({
  retries,
  lose = () => false,
}: {
  retries?: number
  lose?: (sent: Sent) => boolean
} = {}) {
  const sent: Sent[] = []
  const tokens = keepTokens()
  const recordingFetch = async (address: string | URL | Request, init?: RequestInit) => {
    const url = new URL(String(address))
    const headers = new Headers(init?.headers)
    const request = {
      paths: url.pathname.replace('/trpc/', '').split(','),
      batch: url.searchParams.has('batch'),
      key: headers.get('idempotency-key'),
      signedIn: headers.has('authorization'),
    }
    sent.push(request)
    const response = await fetch(address, init)
    // The server has handled the request, but the response is lost.
    if (lose(request)) throw new TypeError('the connection was reset')
    return response
  }
  const client = createClient({
    url: server.url,
    ...tokens,
    ...(retries !== undefined && { retries }),
    fetch: recordingFetch,
  })
  return { client, sent, tokens }
}

test('200 concurrent calls with an expired token cause one refresh and all succeed', async () => {
  const space = await makeSpace(server)
  const { client, sent, tokens } = recordingClient()
  const first = await client.auth.register.mutate(newAccount())
  tokens.onTokens(await expired(first))
  sent.length = 0

  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      if (index === 0) return (await client.slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })).userId
      if (index % 2 === 0) return (await client.auth.update.mutate({ name: `Ada ${index}` })).id
      return (await client.auth.me.query()).id
    }),
  )
  expect(new Set(answers)).toEqual(new Set([first.user.id]))
  expect(sent.filter(({ paths }) => paths.includes('auth.refresh'))).toHaveLength(1)
  expect(tokens.getToken()).not.toBe(first.accessToken)
  expect((await client.auth.sessions.query()).items).toHaveLength(1)
})

test('a session that cannot be refreshed is cleared with TOKEN_EXPIRED', async () => {
  const { client, tokens } = recordingClient()
  const signedIn = await client.auth.register.mutate(newAccount())
  await client.auth.logout.mutate({ refreshToken: signedIn.refreshToken })
  expect(tokens.getToken()).toBeUndefined()

  tokens.onTokens(await expired(signedIn))
  expect(reasonOf(await client.auth.me.query().catch((error) => error))).toBe('TOKEN_EXPIRED')
  expect(tokens.getToken()).toBeUndefined()
  // The old token does not prevent a new sign-in.
  tokens.onTokens(await expired(signedIn))
  await client.auth.register.mutate(newAccount())
  expect(await client.auth.me.query()).toMatchObject({ name: 'Ada' })
})

test('queries of one tick are batched, and each mutation has its own key', async () => {
  const space = await makeSpace(server)
  const { client, sent } = recordingClient()
  await client.auth.register.mutate(newAccount())
  sent.length = 0
  const slots = [9, 10].map((hour) => `${space.id}@${at(hour)}`)
  await Promise.all([
    client.spaces.byId.query({ id: space.id }),
    client.auth.me.query(),
    ...slots.map((slotId) => client.slots.hold.mutate({ slotId })),
  ])
  const holds = sent.filter(({ paths }) => paths.includes('slots.hold'))
  expect(sent.filter(({ batch }) => batch).map(({ paths }) => paths)).toEqual([['spaces.byId', 'auth.me']])
  expect(holds.map(({ paths, batch }) => ({ paths, batch }))).toEqual([
    { paths: ['slots.hold'], batch: false },
    { paths: ['slots.hold'], batch: false },
  ])
  expect(new Set(holds.map(({ key }) => key ?? '')).size).toBe(2)
  for (const { key } of holds) expect(key).toMatch(/^[0-9a-f]{32}$/)
})

test('a mutation is retried after a lost response and happens once', async () => {
  const space = await makeSpace(server)
  let lost = 0
  const lose = ({ paths }: Sent) => paths.includes('slots.hold') && lost++ < 2
  const { client, sent } = recordingClient({ lose })
  await client.auth.register.mutate(newAccount())
  sent.length = 0
  const hold = await client.slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
  expect(sent.map(({ paths }) => paths)).toEqual([['slots.hold'], ['slots.hold'], ['slots.hold']])
  expect(new Set(sent.map(({ key }) => key)).size).toBe(1)
  const { items } = await client.bookings.list.query({})
  expect(items).toEqual([{ ...hold, customerName: expect.any(String) }])

  const options = { context: { idempotencyKey: 'an-order-of-mine' } }
  const again = await client.slots.hold.mutate({ slotId: `${space.id}@${at(10)}` }, options)
  expect(await client.slots.hold.mutate({ slotId: `${space.id}@${at(10)}` }, options)).toEqual(again)
  expect(sent.at(-1)?.key).toBe('an-order-of-mine')
})

test('without retries a mutation is sent once and has no key', async () => {
  const space = await makeSpace(server)
  const { client, sent } = recordingClient({ retries: 0, lose: ({ paths }) => paths.includes('slots.hold') })
  await client.auth.register.mutate(newAccount())
  sent.length = 0
  const error = await client.slots.hold.mutate({ slotId: `${space.id}@${at(9)}` }).catch((error) => error)
  expect(isRefused(error)).toBe(false)
  expect(sent).toMatchObject([{ paths: ['slots.hold'], key: null }])
})

test('a query survives a cut connection', async () => {
  let refused = 0
  const proxy = await startProxy([server.url], { passes: () => refused++ >= 2 })
  const client = createClient({ url: proxy.url })
  expect((await client.locations.list.query({})).items).toBeArray()
  expect(refused).toBe(3)
  await proxy.stop()
})

test('a refusal has a typed reason and the id of its request', async () => {
  const space = await makeSpace(server)
  const slotId = `${space.id}@${at(9)}`
  await clientOf(server, await makePerson(server)).slots.hold.mutate({ slotId })
  const ada = await makePerson(server)
  const client = createClient({ url: server.url, getToken: () => ada.token })

  const error = await client.slots.hold.mutate({ slotId }).catch((error: unknown) => error)
  expect(isRefused(error, 'SLOT_TAKEN', 'HOLD_EXPIRED')).toBe(true)
  expect(isRefused(error, 'TOO_LATE')).toBe(false)
  expect(isRefused(new TypeError('the network is down'))).toBe(false)
  if (!isRefused(error, 'SLOT_TAKEN')) throw error
  expect(error.data).toMatchObject({ reason: 'SLOT_TAKEN', code: 'CONFLICT', httpStatus: 409 })
  expect(error.data.requestId).toBeString()
  const day = await client.slots.day.query({ spaceId: space.id, date: testDate })
  expect(day.slots[9]).toMatchObject({ status: 'held', heldByMe: false })
})

test('an unknown token is refreshed once, and an unknown user ends the session', async () => {
  const { client, tokens } = recordingClient()
  const signedIn = await client.auth.register.mutate(newAccount())
  tokens.onTokens({ ...signedIn, accessToken: 'of-another-server' })
  expect(tokens.getUser()).toEqual(signedIn.user)
  expect(await client.auth.me.query()).toEqual(signedIn.user)
  expect(tokens.getToken()).not.toBe('of-another-server')

  await client.auth.deleteMe.mutate()
  tokens.onTokens(signedIn)
  expect(reasonOf(await client.auth.me.query().catch((error) => error))).toBe('NOT_SIGNED_IN')
  expect(tokens.getToken()).toBeUndefined()
})

test('a token that is still unknown after a refresh ends the session', async () => {
  const tokens = keepTokens()
  const getToken = () => tokens.getToken() && 'of-another-server'
  const client = createClient({ url: server.url, ...tokens, getToken })
  for (const ask of [
    () => client.auth.me.query(),
    () => client.calendarFile({ eventId: Bun.randomUUIDv7() }),
  ]) {
    await client.auth.register.mutate(newAccount())
    expect(reasonOf(await ask().catch((error) => error))).toBe('NOT_SIGNED_IN')
    expect(tokens.getUser()).toBeUndefined()
  }
})

test('signing in or out during a refresh wins over its result', async () => {
  let meanwhile: SignedIn | null = null
  const { client, tokens } = recordingClient({
    lose({ paths }) {
      if (paths.includes('auth.refresh')) tokens.onTokens(meanwhile)
      return false
    },
  })
  const ann = await client.auth.register.mutate(newAccount())
  const ben = await client.auth.register.mutate(newAccount())
  for (const next of [ben, null]) {
    meanwhile = next
    for (const refreshToken of [ann.refreshToken, 'of-another-server']) {
      tokens.onTokens({ ...ann, refreshToken, accessToken: Bun.randomUUIDv7() })
      await client.auth.me.query().catch(() => undefined)
      expect(tokens.getUser()?.id).toBe(next?.user.id)
    }
  }
})
