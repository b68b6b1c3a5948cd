import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import fc from 'fast-check'
import { telegramAccounts, users } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { newEmail, password } from './support/accounts'
import {
  type Fields,
  freshTelegramId,
  initDataOf,
  miniAppOf,
  nowSeconds,
  proofOf,
  signMiniApp,
  signWidget,
  widgetOf,
} from './support/telegram'
import { clientOf, makePerson, reasonOf, rest, startTestServer, stopTestServers } from './support/world'

const TOKEN = '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw'
const RUNS = process.env.PROVE === '1' ? 2000 : 150

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({
    env: { TELEGRAM_BOT_TOKEN: TOKEN, TELEGRAM_API_URL: 'http://127.0.0.1:1', TELEGRAM_WEBHOOK_SECRET: 'x' },
  })
})
afterAll(stopTestServers)

const auth = () => clientOf(server).auth
const as = ({ accessToken }: { accessToken: string }) => clientOf(server, { token: accessToken }).auth
const signIn = (proof: Record<string, unknown>) => auth().telegram.mutate(proof as Fields)
const accountsOf = (telegramId: number) =>
  server.deps.db.select().from(telegramAccounts).where(eq(telegramAccounts.telegramId, telegramId))

/** The two ways to sign in with Telegram: how a proof is signed and sent. */
const METHODS = {
  telegram_widget: {
    fields: widgetOf,
    sign: signWidget,
    sent: (fields: Fields): Record<string, unknown> => fields,
  },
  telegram_mini_app: {
    fields: miniAppOf,
    sign: signMiniApp,
    sent: (fields: Fields): Record<string, unknown> => ({ initData: initDataOf(fields) }),
  },
}
const methods = Object.entries(METHODS)

test.each(methods)(
  '%s: signed data creates an account once and later signs in to it',
  async (platform, method) => {
    const id = freshTelegramId()
    const signed = method.sign(TOKEN, method.fields(id))
    const first = await signIn(method.sent(signed))
    expect(first.user).toMatchObject({ name: 'Ada Lovelace', email: null, role: 'customer' })
    expect(first.user.language).toBe(platform === 'telegram_mini_app' ? 'it' : 'en')
    // A reloaded page sends the same data again.
    for (let reload = 0; reload < 3; reload++)
      expect((await signIn(method.sent(signed))).user).toEqual(first.user)
    const viaRest = await rest(server, '/auth/telegram', { method: 'POST', body: method.sent(signed) })
    expect(viaRest.body).toMatchObject({ user: { id: first.user.id }, expiresIn: 3600 })
    expect(await accountsOf(id)).toMatchObject([
      { userId: first.user.id, username: `ada_${id}`, reachable: platform === 'telegram_mini_app' },
    ])
    const { items } = await as(first).sessions.query()
    expect(items.map((session) => session.platform)).toEqual(Array(5).fill(platform))
    expect((await auth().refresh.mutate({ refreshToken: first.refreshToken })).user).toEqual(first.user)
  },
)

test('ten concurrent sign-ins of one user by both methods create one account', async () => {
  const id = freshTelegramId()
  const proofs = methods.map(([, method]) => method.sent(method.sign(TOKEN, method.fields(id))))
  const all = await Promise.all(Array.from({ length: 10 }, (_, turn) => signIn(proofs[turn % 2] ?? {})))
  expect(new Set(all.map(({ user }) => user.id)).size).toBe(1)
  expect(await accountsOf(id)).toHaveLength(1)
})

test('numeric fields of the widget are accepted as numbers', async () => {
  const id = freshTelegramId()
  const signed = signWidget(TOKEN, widgetOf(id))
  const sent = { ...signed, id, auth_date: Number(signed.auth_date) }
  expect((await signIn(sent)).user.name).toBe('Ada Lovelace')
})

test('a session with a password reports its platform, which is web by default', async () => {
  const email = newEmail()
  await auth().register.mutate({ email, password, name: 'Ada' })
  const signedIn = await auth().login.mutate({ email, password, platform: 'ios' })
  const { items } = await as(signedIn).sessions.query()
  expect(items.map(({ platform }) => platform)).toEqual(['web', 'ios'])
})

const name = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'hash',
    'id',
    'user',
    'auth_date',
    'signature',
    'toString',
    'a',
  ),
  fc.stringMatching(/^[a-z_]{1,12}$/),
  fc.string({ minLength: 1, maxLength: 20 }),
)
const text = fc.oneof(fc.string({ maxLength: 40 }), fc.constantFrom('', '0', '\n', 'a\nb=c', '1\nid=2'))

/** A change of signed data: one field changed, removed or added. */
const changes = fc.record({
  kind: fc.constantFrom('changed' as const, 'removed' as const, 'added' as const),
  at: fc.nat(),
  name,
  text,
})
type Change = typeof changes extends fc.Arbitrary<infer T> ? T : never

/** @returns undefined if the change has no effect */
function tamper(signed: Fields, { kind, at, name, text }: Change): [string, string][] | undefined {
  const entries = Object.entries(signed)
  const index = at % entries.length
  const [field = '', value = ''] = entries[index] ?? []
  if (kind === 'removed') return entries.toSpliced(index, 1)
  if (kind === 'added')
    return Object.hasOwn(signed, name) ? undefined : entries.toSpliced(index, 0, [name, text])
  return text === value ? undefined : entries.toSpliced(index, 1, [field, text])
}

function objectOf(entries: [string, string][]): Record<string, unknown> {
  const made: Record<string, unknown> = {}
  for (const [name, value] of entries)
    Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true })
  return made
}

async function refused(body: unknown): Promise<void> {
  const answer = await rest<{ reason: string }>(server, '/auth/telegram', { method: 'POST', body })
  expect(answer.status === 401 || answer.status === 400).toBe(true)
  expect(['WRONG_CREDENTIALS', 'VALIDATION']).toContain(answer.body.reason)
}

test('a proof of the widget with any field changed, removed or added is refused', async () => {
  const signed = signWidget(TOKEN, widgetOf())
  await fc.assert(
    fc.asyncProperty(changes, async (change) => {
      const entries = tamper(signed, change)
      if (entries) await refused(objectOf(entries))
    }),
    { numRuns: RUNS },
  )
  await signIn(signed)
})

test('initData with any field changed, removed, added or repeated is refused', async () => {
  const signed = signMiniApp(TOKEN, miniAppOf())
  await fc.assert(
    fc.asyncProperty(changes, fc.boolean(), async (change, repeated) => {
      const entries = repeated
        ? [...Object.entries(signed), Object.entries(signed)[change.at % 6] ?? ['hash', '']]
        : tamper(signed, change)
      if (!entries) return
      const params = new URLSearchParams()
      for (const [name, value] of entries) params.append(name, value.toWellFormed())
      await refused({ initData: params.toString() })
    }),
    { numRuns: RUNS },
  )
  await signIn({ initData: initDataOf(signed) })
})

test('every field of a proof and every digit of its hash is checked', async () => {
  for (const [, method] of methods) {
    const signed = method.sign(TOKEN, method.fields())
    for (const field of Object.keys(signed)) {
      const { [field]: value = '', ...without } = signed
      await refused(method.sent(without))
      await refused(method.sent({ ...signed, [field]: `${value}1` }))
      await refused(method.sent({ ...signed, [field]: value.slice(0, -1) }))
      await refused(method.sent({ ...signed, [field]: '' }))
    }
    const hash = signed.hash ?? ''
    for (let digit = 0; digit < hash.length; digit++) {
      const other = hash[digit] === '0' ? '1' : '0'
      await refused(method.sent({ ...signed, hash: hash.slice(0, digit) + other + hash.slice(digit + 1) }))
    }
    await refused(method.sent({ ...signed, hash: hash.toUpperCase() === hash ? '' : hash.toUpperCase() }))
    await signIn(method.sent(signed))
  }
})

test('a line break cannot make two fields pass for one, nor one for two', async () => {
  const { username = '', ...rest } = widgetOf()
  const signed = signWidget(TOKEN, { ...rest, username })
  // The signed lines stay the same: the photo's URL absorbs the username after it.
  const { username: _, photo_url, ...without } = signed
  await refused({ ...without, photo_url: `${photo_url}\nusername=${username}` })
  await refused({ ...without, [`photo_url=${photo_url}\nusername`]: username })
})

test('a proof that is too old, from the future or without a date is refused', async () => {
  for (const [, method] of methods) {
    const dated = (date: string) =>
      method.sent(method.sign(TOKEN, method.fields(freshTelegramId(), { auth_date: date })))
    const ago = (seconds: number) => dated(String(nowSeconds() - seconds))
    for (const late of [86_401 + 1, 90_000, 86_400 * 365, nowSeconds()]) await refused(ago(late))
    for (const early of [120, 86_400, 1e9]) await refused(ago(-early))
    for (const odd of ['', ' ', '1e9', '-1', `${nowSeconds()}.5`, `${nowSeconds()} `, '9'.repeat(20), 'now'])
      await refused(dated(odd))
    await signIn(ago(86_400 - 60))
    await signIn(ago(-30))
  }
})

test('a proof of another bot, of the other method or without a user is refused', async () => {
  const other = '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaX'
  await refused(signWidget(other, widgetOf()))
  await refused({ initData: initDataOf(signMiniApp(other, miniAppOf())) })
  await refused({ initData: initDataOf(signWidget(TOKEN, miniAppOf())) })
  await refused({ initData: initDataOf(signWidget(TOKEN, widgetOf())) })
  await refused(signMiniApp(TOKEN, widgetOf()))
  await refused({ ...signWidget(TOKEN, widgetOf()), initData: initDataOf(signMiniApp(TOKEN, miniAppOf())) })
  const { user: _, ...withoutUser } = miniAppOf()
  for (const user of [
    '',
    'null',
    '[]',
    '{}',
    '{"id":"1"}',
    '{"id":0}',
    '{"id":-1}',
    '{"id":1.5}',
    '{"id":1e400}',
  ])
    await refused({ initData: initDataOf(signMiniApp(TOKEN, { ...withoutUser, user })) })
  await refused({ initData: initDataOf(signMiniApp(TOKEN, withoutUser)) })
  for (const id of ['', '0', '-1', '1.5', 'x', '1e3x', '99999999999999999999'])
    await refused(signWidget(TOKEN, { ...widgetOf(), id }))
})

test('a Telegram name with any characters is stored as one valid line', async () => {
  const id = freshTelegramId()
  const user = JSON.stringify({ id, first_name: '\0 A\nd\u2028a \u202e', last_name: '🦊'.repeat(80) })
  const { user: one } = await signIn({ initData: initDataOf(signMiniApp(TOKEN, miniAppOf(id, { user }))) })
  expect(one.name).toMatch(/^A d a/)
  expect([...one.name].length).toBeLessThanOrEqual(100)
  const nameless = JSON.stringify({ id: freshTelegramId(), first_name: '\0' })
  const signed = signMiniApp(TOKEN, miniAppOf(1, { user: nameless }))
  expect((await signIn({ initData: initDataOf(signed) })).user.name).not.toBe('')
})

test('a linked Telegram account signs in to its user until it is unlinked', async () => {
  const email = newEmail()
  const mine = await auth().register.mutate({ email, password, name: 'Ada' })
  const id = freshTelegramId()
  const proof = proofOf(server, id)
  expect(await as(mine).telegramAccount.query()).toEqual({ account: null })
  const linked = await as(mine).linkTelegram.mutate(proof)
  expect(linked).toMatchObject({ name: 'Ada Lovelace', username: `ada_${id}`, reachable: false })
  expect(await as(mine).linkTelegram.mutate(proof)).toEqual(linked)
  expect(await as(mine).telegramAccount.query()).toEqual({ account: linked })
  expect((await as(mine).exportMe.query()).telegram).toEqual(linked)
  expect((await signIn(proof)).user).toEqual(mine.user)
  expect(await as(mine).unlinkTelegram.mutate()).toEqual({ ok: true })
  expect(await reasonOf(as(mine).unlinkTelegram.mutate())).toBe('NOT_FOUND')
  // The unlinked Telegram account now creates a user of its own.
  expect((await signIn(proof)).user.id).not.toBe(mine.user.id)
})

test('a Telegram account links to one user only, and a user to one Telegram account', async () => {
  const [first, second] = [await makePerson(server), await makePerson(server)]
  const [one, other] = [proofOf(server), proofOf(server)]
  const linkAs = (person: { token: string }, proof: Fields) =>
    clientOf(server, person).auth.linkTelegram.mutate(proof)
  await linkAs(first, one)
  expect(await reasonOf(linkAs(second, one))).toBe('ALREADY_LINKED')
  expect(await reasonOf(linkAs(first, other))).toBe('ALREADY_LINKED')
  expect((await signIn(one)).user.id).toBe(first.id)
  const opened = await signIn(other)
  expect(await reasonOf(linkAs(second, other))).toBe('ALREADY_LINKED')
  expect((await signIn(other)).user.id).toBe(opened.user.id)
})

test('of twenty users linking one Telegram account at once, one succeeds', async () => {
  const proof = proofOf(server)
  const people = await Promise.all(Array.from({ length: 20 }, () => makePerson(server)))
  const given = await Promise.all(
    people.map((person) =>
      clientOf(server, person)
        .auth.linkTelegram.mutate(proof)
        .then(
          () => 'ok',
          (error) => error.data.reason,
        ),
    ),
  )
  expect(given.toSorted()).toEqual([...Array(19).fill('ALREADY_LINKED'), 'ok'])
})

test('the only way to sign in cannot be unlinked, and is deleted with the user', async () => {
  const id = freshTelegramId()
  const proof = proofOf(server, id)
  const mine = await signIn(proof)
  expect(await reasonOf(as(mine).unlinkTelegram.mutate())).toBe('INVALID_STATE')
  expect(await accountsOf(id)).toHaveLength(1)
  await as(mine).deleteMe.mutate()
  expect(await accountsOf(id)).toEqual([])
  expect(await server.deps.db.select().from(users).where(eq(users.id, mine.user.id))).toEqual([])
  expect((await signIn(proof)).user.id).not.toBe(mine.user.id)
})

test('a Telegram-only user can set a password with a proof, and then unlink', async () => {
  const id = freshTelegramId()
  const proof = proofOf(server, id)
  const mine = await signIn(proof)
  const rowOf = async () => (await server.deps.db.select().from(users).where(eq(users.id, mine.user.id)))[0]
  await server.deps.db.update(users).set({ role: 'specialist' }).where(eq(users.id, mine.user.id))
  const before = await rowOf()
  const email = newEmail()
  const wanted = { email, password }
  const taken = (await makePerson(server)).email
  const old = signWidget(TOKEN, widgetOf(id, { auth_date: String(nowSeconds() - 90_000) }))
  for (const [reason, input] of [
    ['WRONG_CREDENTIALS', wanted],
    ['WRONG_CREDENTIALS', { ...wanted, currentPassword: '' }],
    ['WRONG_CREDENTIALS', { ...wanted, telegram: proofOf(server) }],
    ['WRONG_CREDENTIALS', { ...wanted, telegram: { ...proof, id: String(freshTelegramId()) } }],
    ['WRONG_CREDENTIALS', { ...wanted, telegram: old }],
    ['EMAIL_TAKEN', { ...wanted, email: taken, telegram: proof }],
  ] as const)
    expect(await reasonOf(as(mine).update.mutate(input))).toBe(reason)
  expect(await rowOf()).toEqual(before)

  expect(await as(mine).update.mutate({ ...wanted, telegram: proof })).toMatchObject({
    id: mine.user.id,
    email,
    role: 'specialist',
  })
  expect((await auth().refresh.mutate({ refreshToken: mine.refreshToken })).user.email).toBe(email)
  expect((await auth().login.mutate(wanted)).user.id).toBe(mine.user.id)
  expect((await signIn(proof)).user.id).toBe(mine.user.id)
  // From now on, only the password authorizes such a change.
  const other = { password: 'another-passphrase', telegram: proof }
  expect(await reasonOf(as(mine).update.mutate(other))).toBe('WRONG_CREDENTIALS')
  expect(await as(mine).unlinkTelegram.mutate()).toEqual({ ok: true })
})

test('a server without a bot refuses Telegram sign-ins, in production too', async () => {
  const bare = await startTestServer({
    env: { NODE_ENV: 'production', JWT_SECRET: 'f0a1b2c3d4e5968778695a4b3c2d1e0f-strong' },
  })
  const client = clientOf(bare)
  expect(await reasonOf(client.auth.telegram.mutate(signWidget(TOKEN, widgetOf())))).toBe('UNAVAILABLE')
  expect(await client.auth.telegramBot.query()).toEqual({ username: null })
})
