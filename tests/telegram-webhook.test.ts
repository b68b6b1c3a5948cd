import { afterAll, beforeAll, expect, test } from 'bun:test'
import path from 'node:path'
import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import { telegramUpdates } from '../src/db/schema'
import { startTelegramSandbox, type TelegramSandbox } from '../src/sandbox/telegram'
import { type BotAction, buttonData, readButton } from '../src/schemas/bot-actions'
import type { RunningServer } from '../src/server'
import { admin } from './support/admin'
import { freshUpdateId, messageOf, pressOf, sandboxOf, sendUpdate, talkTo } from './support/bot'
import { createDatabase } from './support/database'
import { captureLog } from './support/logs'
import { inputsFor } from './support/malformed'
import { freshTelegramId, proofOf, signWidget, widgetOf } from './support/telegram'
import { clientOf, makePerson, reasonOf, startTestServer, stopTestServers, until } from './support/world'

const RUNS = process.env.PROVE === '1' ? 2000 : 200
const log = captureLog()

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ queue: true, log: log.log })
})
afterAll(stopTestServers)

const stored = async (of = server) => (await of.deps.db.select().from(telegramUpdates)).length
const allProcessed = (of = server) =>
  until(async () => {
    const rows = await of.deps.db.select().from(telegramUpdates)
    return rows.every(({ state }) => state !== 'waiting')
  }, 30_000)

test('updates are accepted only with the secret, and never if none is configured', async () => {
  const before = await stored()
  const secret = server.deps.telegram.webhookSecret ?? ''
  for (const wrong of ['', 'x', `${secret}x`, secret.slice(1), secret.toUpperCase(), 'x'.repeat(5000)])
    expect((await sendUpdate(server, messageOf(freshTelegramId(), '/start'), wrong)).status).toBe(401)
  const bare = await fetch(`${server.url}/webhooks/telegram`, { method: 'POST', body: '{}' })
  expect(bare.status).toBe(401)
  expect(await stored()).toBe(before)
  const withoutSecret = await startTestServer({
    env: { TELEGRAM_BOT_TOKEN: '1:abc', TELEGRAM_API_URL: 'http://127.0.0.1:1' },
  })
  for (const guess of ['', 'null', 'undefined', secret])
    expect((await sendUpdate(withoutSecret, messageOf(1, '/start'), guess)).status).toBe(401)
})

test('an update is stored once before the response, and its text is deleted later', async () => {
  const update = messageOf(freshTelegramId(), 'a text to delete')
  for (let time = 0; time < 3; time++)
    expect(await sendUpdate(server, update)).toEqual({ status: 200, body: '{"received":true}' })
  await allProcessed()
  const rows = await server.deps.db.execute(
    sql`SELECT state, payload FROM telegram_updates WHERE update_id = ${update.update_id}`,
  )
  expect([...rows]).toEqual([{ state: 'done', payload: null }])
})

test('malformed or irrelevant updates cause no error and are not stored', async () => {
  const before = await stored()
  const from = { id: 5, is_bot: false, first_name: 'Ada' }
  const group = { message_id: 1, from, chat: { id: -100, type: 'supergroup' }, text: '/start' }
  const photo = { message_id: 1, from, chat: { id: 5, type: 'private' }, photo: [] }
  const others: unknown[] = [
    '{',
    '',
    '\0',
    '[[[['.repeat(1000),
    'null',
    '1',
    {},
    [],
    { update_id: freshUpdateId() },
    { update_id: -1, message: photo },
    { update_id: 2 ** 60, message: { ...photo, text: 'x' } },
    { update_id: freshUpdateId(), message: group },
    { update_id: freshUpdateId(), message: photo },
    { update_id: freshUpdateId(), channel_post: group },
    { update_id: freshUpdateId(), inline_query: { id: '1', from, query: 'x' } },
    { update_id: freshUpdateId(), callback_query: { id: '1', from, data: 'm' } },
    { update_id: freshUpdateId(), callback_query: { id: '1', from, data: 'x'.repeat(65), message: photo } },
    { update_id: freshUpdateId(), message: { ...photo, text: 'x'.repeat(5000) } },
  ]
  for (const update of others) expect((await sendUpdate(server, update)).status).toBe(200)
  const fields = fc.dictionary(
    fc.constantFrom('id', 'from', 'chat', 'text', 'data', 'message'),
    inputsFor(undefined),
  )
  const updates = fc.record({
    update_id: fc.oneof(fc.constant(freshUpdateId()), inputsFor(undefined)),
    message: fields,
    callback_query: fields,
  })
  await fc.assert(
    fc.asyncProperty(updates, async (update) => {
      const text = JSON.stringify(update)
      if (text.length < 100_000) expect((await sendUpdate(server, text)).status).toBe(200)
    }),
    { numRuns: RUNS },
  )
  expect((await sendUpdate(server, `"${'x'.repeat(1_200_000)}"`)).status).toBe(400)
  expect(await stored()).toBe(before)
  expect(log.lines().filter(({ level }) => Number(level) >= 50)).toEqual([])
})

const uuid = fc.uuid({ version: 7 })
const date = fc
  .date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
  .map((day) => day.toISOString().slice(0, 10))
const of = fc.constantFrom('spaces' as const, 'services' as const)
const offer = fc.oneof(
  fc.record({ of: fc.constant('spaces' as const), id: uuid }),
  fc.record({ of: fc.constant('services' as const), id: uuid, specialistId: uuid }),
)
const actions = fc.oneof(
  fc.record({
    do: fc.constantFrom('menu' as const, 'join' as const, 'requests' as const, 'languages' as const),
  }),
  fc.record({ do: fc.constant('locations' as const), of }),
  fc.record({ do: fc.constant('offers' as const), of, locationId: uuid, cursor: uuid }),
  fc.record({ do: fc.constant('days' as const), offer, from: date }),
  fc.record({ do: fc.constant('times' as const), offer, date, page: fc.nat(99) }),
  fc.record({
    do: fc.constant('hold' as const),
    of,
    id: uuid,
    startsAt: fc.integer({ min: 0, max: 70_000_000 }).map((minutes) => minutes * 60_000),
    nonce: fc.stringMatching(/^[\w-]{4}$/),
  }),
  fc.record({ do: fc.constant('bookings' as const), cursor: uuid }),
  fc.record({
    do: fc.constantFrom(
      'booking' as const,
      'release' as const,
      'askCancel' as const,
      'cancel' as const,
      'accept' as const,
      'decline' as const,
    ),
    id: uuid,
  }),
  fc.record({
    do: fc.constant('rate' as const),
    id: uuid,
    rating: fc.constantFrom(1 as const, 2 as const, 3 as const, 4 as const, 5 as const),
  }),
  fc.record({
    do: fc.constant('language' as const),
    language: fc.constantFrom('en' as const, 'it' as const, 'fr' as const),
  }),
) satisfies fc.Arbitrary<BotAction>

test('every button fits into Telegram’s 64 bytes and is read back unchanged', () => {
  fc.assert(
    fc.property(actions, (action) => {
      const data = buttonData(action)
      expect(Buffer.byteLength(data)).toBeLessThanOrEqual(64)
      expect(readButton(data)).toEqual(action)
    }),
    { numRuns: RUNS * 5 },
  )
})

test('arbitrary button data leads to the menu or a refusal, never to a failure', async () => {
  const id = freshTelegramId()
  const talk = talkTo(server, id)
  await talk.write('/start')
  const { messageId } = await talk.press('I am new')
  const nonsense = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom('', 'm', 'm.m', '__proto__', 'constructor', 'h.s', 'i.', 't.s.x.y.z', '....', 'k.de'),
    actions.map(buttonData),
    fc
      .tuple(actions.map(buttonData), fc.nat(60), fc.string({ maxLength: 1 }))
      .map(([data, at, other]) => data.slice(0, at) + other + data.slice(at + 1)),
  )
  await fc.assert(
    fc.asyncProperty(nonsense, async (data) => {
      expect((await sendUpdate(server, pressOf(id, messageId, data.slice(0, 64)))).status).toBe(200)
    }),
    { numRuns: 100 },
  )
  await allProcessed()
  expect(
    log
      .lines()
      .filter(({ level }) => Number(level) >= 40)
      .map(({ msg }) => msg),
  ).not.toContain('job failed; it will be retried')
})

test('texts and names can contain any characters', async () => {
  for (const text of [
    '\0',
    '\ud800',
    '/start \0',
    `/start ${'x'.repeat(64)}`,
    '/start@other_bot',
    '/nothing',
    '🦊',
  ]) {
    const id = freshTelegramId()
    const talk = talkTo(server, id, { first_name: `\0${text}\udfff`, last_name: '\u202e'.repeat(100) })
    expect((await talk.write(text)).text).not.toBe('')
    expect((await talk.press('I am new')).text).toStartWith('Hello')
  }
})

let standalone: TelegramSandbox | undefined
afterAll(() => standalone?.stop())
const TOKEN = '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw'

test('the server and the command line register the webhook with its secret', async () => {
  const databaseUrl = await createDatabase()
  standalone = await startTelegramSandbox({ databaseUrl, log: log.log, token: TOKEN })
  const env = {
    TELEGRAM_BOT_TOKEN: TOKEN,
    TELEGRAM_API_URL: standalone.url,
    TELEGRAM_WEBHOOK_SECRET: 'a-secret_word',
    PUBLIC_URL: 'https://book.example.com/',
  }
  const own = await startTestServer({ queue: true, env, databaseUrl })
  const made = () => standalone?.calls().find(({ method }) => method === 'setWebhook')
  expect((await until(made)).payload).toEqual({
    url: 'https://book.example.com/webhooks/telegram',
    secret_token: 'a-secret_word',
    allowed_updates: ['message', 'callback_query', 'my_chat_member'],
  })
  expect(own.telegramSandbox).toBeUndefined()
  expect((await fetch(`${own.url}/sandbox/telegram/people/9000000000001/login`)).status).not.toBe(200)
  expect(await clientOf(own).auth.telegramBot.query()).toEqual({ username: 'coworkspace_sandbox_bot' })

  const settings = { ...env, DATABASE_URL: databaseUrl }
  const shown = await admin(settings, 'telegram', '--register', '--json')
  expect(shown.json()).toMatchObject({
    username: 'coworkspace_sandbox_bot',
    webhook: 'https://book.example.com/webhooks/telegram',
  })
  expect(await admin({ DATABASE_URL: databaseUrl }, 'telegram')).toMatchObject({ code: 1, out: '' })
  const found = (await admin(settings, 'doctor', '--json')).json<{ name: string; state: string }[]>()
  expect(found.find(({ name }) => name === 'telegram')?.state).toBe('ok')
  const { PUBLIC_URL: _, ...unreachable } = settings
  expect((await admin(unreachable, 'telegram', '--register')).err).toContain('PUBLIC_URL')
  const wrong = await admin({ ...settings, TELEGRAM_BOT_TOKEN: '1:wrong' }, 'telegram')
  expect(wrong).toMatchObject({ code: 1 })
  expect(wrong.err).toContain('401')
  await own.stop()
})

test('the bot token is in no log, response or job, even if Telegram is unreachable', async () => {
  const secretToken = '110201543:this-one-is-secret-and-must-not-leak'
  const captured = captureLog()
  const lost = await startTestServer({
    queue: true,
    log: captured.log,
    env: {
      TELEGRAM_BOT_TOKEN: secretToken,
      TELEGRAM_API_URL: 'http://127.0.0.1:1',
      TELEGRAM_WEBHOOK_SECRET: 'secret-of-the-webhook',
      PUBLIC_URL: 'https://book.example.com',
    },
  })
  const person = await makePerson(lost)
  const answers = [
    await reasonOf(clientOf(lost).auth.telegramBot.query()),
    await reasonOf(clientOf(lost, person).auth.telegramCode.mutate()),
    await reasonOf(clientOf(lost).auth.telegram.mutate(signWidget('1:x', widgetOf()))),
  ]
  expect(answers).toEqual(['UNAVAILABLE', 'UNAVAILABLE', 'WRONG_CREDENTIALS'])
  await clientOf(lost).auth.telegram.mutate(proofOf(lost))
  await sendUpdate(lost, messageOf(freshTelegramId(), '/start'))
  const failed = await until(async () => {
    const rows = await lost.deps.db.execute(
      sql`SELECT last_error FROM graphile_worker.jobs WHERE task_identifier = 'telegram-update' AND last_error IS NOT NULL`,
    )
    return rows.length > 0 && rows
  })
  await until(() => captured.text().includes('Telegram webhook registration failed'))
  const body = await (await fetch(`${lost.url}/api/auth/telegram`)).text()
  for (const text of [captured.text(), JSON.stringify(failed), body])
    for (const secret of ['this-one-is-secret', 'secret-of-the-webhook']) expect(text).not.toContain(secret)
  expect(captured.text()).toContain('telegram-update')
})

test('without Telegram, curl can talk to the bot, press its buttons and sign in', async () => {
  const ask = async (path: string, body?: unknown) => {
    const response = await fetch(`${server.url}/sandbox/telegram/people/${path}`, {
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json() }
  }
  const me = '9000000000007'
  type Chat = {
    messages: { messageId: number; from: string; text: string; keyboard: { text: string }[][] }[]
  }
  const fromBot = async () =>
    ((await ask(`${me}/chat`)).body as Chat).messages.filter(({ from }) => from === 'bot')
  expect((await ask(`${me}/write`, { text: '/start' })).status).toBe(200)
  const welcome = await until(async () => (await fromBot())[0])
  expect(welcome.text).toStartWith('Welcome!')
  await ask(`${me}/press`, { messageId: welcome.messageId, button: 'I am new here' })
  await until(async () => (await fromBot())[0]?.text === 'Hello Tester 7! How can I help you?')
  const { widget, initData } = (await ask(`${me}/login`)).body as {
    widget: Record<string, string>
    initData: string
  }
  const byWidget = await clientOf(server).auth.telegram.mutate(widget)
  const byApp = await clientOf(server).auth.telegram.mutate({ initData })
  expect(byWidget.user).toMatchObject({ id: byApp.user.id, name: 'Tester 7' })
  for (const [path, body] of [
    ['1/write', { text: 'x' }],
    [`${me}/write`, {}],
    [`${me}/press`, { messageId: 1, button: 'none' }],
    [`${me}/nothing`, {}],
    ['x', {}],
  ] as const)
    expect((await ask(path, body)).status).toBeGreaterThanOrEqual(400)
  expect(await sandboxOf(server).pendingUpdates()).toBe(0)
})

test('the commands in the Telegram documentation work', async () => {
  const page = await Bun.file(path.resolve(import.meta.dir, '../docs/telegram.md')).text()
  const scripts = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text = '']) => text)
  const fresh = await startTestServer({ queue: true })
  const run = async (script = '') => {
    const text = script.replaceAll('http://localhost:3000', fresh.url)
    return new Response(Bun.spawn(['sh', '-c', `set -eu\n${text}`]).stdout).text()
  }
  expect(scripts).toHaveLength(3)
  expect(await run(scripts[0])).toContain('I am new here')
  await run(scripts[1])
  await until(async () =>
    (await sandboxOf(fresh).people.chat(9_000_000_000_001))[1]?.text.startsWith('Hello'),
  )
  expect(JSON.parse(await run(scripts[2]))).toMatchObject({ user: { name: 'Tester 1' }, expiresIn: 3600 })
})
