import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { bookings, telegramAccounts, telegramUpdates, users } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { completePastBookings } from '../src/services/bookings/sweep'
import { messageOf, pressOf, sandboxOf, sendUpdate, talkTo } from './support/bot'
import { bookingRow, payInBrowser, untilBooking } from './support/money'
import { makePaidEvent } from './support/paid-events'
import { letPass, makeSpecialist } from './support/specialists'
import { freshTelegramId, proofOf } from './support/telegram'
import { at, clientOf, makePerson, makeSpace, startTestServer, stopTestServers, until } from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ queue: true, env: { PUBLIC_URL: 'https://book.example.com' } })
})
afterAll(stopTestServers)

const bookingsOf = async (telegramId: number) => {
  const rows = await server.deps.db
    .select({ booking: bookings })
    .from(bookings)
    .innerJoin(telegramAccounts, eq(telegramAccounts.userId, bookings.userId))
    .where(eq(telegramAccounts.telegramId, telegramId))
    .orderBy(bookings.id)
  return rows.map(({ booking }) => booking)
}

const handled = (updateId: number) =>
  until(async () => {
    const rows = await server.deps.db
      .select()
      .from(telegramUpdates)
      .where(eq(telegramUpdates.updateId, updateId))
    return rows.find(({ state }) => state !== 'waiting')
  })

/** A chat of a new user who already has an account. */
async function newcomer() {
  const talk = talkTo(server, freshTelegramId())
  await talk.write('/start')
  await talk.press('I am new')
  return talk
}

/** Presses through the menus to the free times of a later day. */
async function toTimes(
  talk: Awaited<ReturnType<typeof newcomer>>,
  kind: string,
  location: string,
  offer: string,
) {
  await talk.press(kind)
  await talk.press(location)
  await talk.press(offer)
  await talk.press('Later days')
  const { buttons } = (await talk.last()) ?? { buttons: [] }
  return talk.press(String(buttons[0]?.text))
}

async function houseWith(settings: Parameters<typeof makeSpace>[1] = {}) {
  const name = `House ${Bun.randomUUIDv7().slice(-6)}`
  const space = await makeSpace(server, settings)
  await clientOf(server, await makePerson(server, 'admin')).locations.update.mutate({
    id: space.locationId,
    name,
  })
  return { space, name }
}

/** A specialist with linked Telegram and one service, at a location with a unique name. */
async function studioWith(service: NonNullable<Parameters<typeof makeSpecialist>[1]>['service']) {
  const made = await makeSpecialist(server, { ...(service && { service }) })
  const admin = clientOf(server, await makePerson(server, 'admin'))
  const name = `Studio ${made.specialist.id.slice(-6)}`
  await admin.locations.update.mutate({ id: made.locationId, name })
  const theirs = talkTo(server, freshTelegramId())
  await made.client.auth.linkTelegram.mutate(proofOf(server, theirs.id))
  return { ...made, admin, name, theirs }
}

test('an unresponsive mail server does not delay the bot', async () => {
  const silent = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const on = await startTestServer({ queue: true, env: { SMTP_URL: `smtp://127.0.0.1:${silent.port}` } })
  const space = await makeSpace(on)
  // More mails than jobs that run at once; each waits ten seconds for a greeting.
  for (let hour = 0; hour < 6; hour++) {
    const client = clientOf(on, await makePerson(on))
    const { id } = await client.bookings.create.mutate({ spaceId: space.id, startsAt: at(hour) })
    await client.bookings.confirm.mutate({ id })
  }
  const sending = async () => [
    ...(await on.deps.db.execute(
      sql`SELECT id FROM graphile_worker.jobs WHERE task_identifier = 'send-notification' AND locked_at IS NOT NULL ORDER BY id`,
    )),
  ]
  await until(async () => (await sending()).length === 4)
  const before = await sending()
  const talk = talkTo(on, freshTelegramId())
  await talk.write('/start')
  // All of them are still waiting.
  expect(await sending()).toEqual(before)
  silent.stop(true)
  await on.stop()
}, 60_000)

test('the webhook alone leads from /start to a booking and its cancellation', async () => {
  const { space, name } = await houseWith({ name: 'Window desk' })
  const talk = talkTo(server, freshTelegramId())
  expect((await talk.write('/start')).text).toStartWith('Welcome!')
  expect((await talk.press('I am new')).text).toStartWith('Hello Ada')
  await talk.press('Book a space')
  expect((await talk.press(name)).text).toBe(`${name}: choose a space.`)
  expect((await talk.press('Window desk · free of charge')).text).toBe('Window desk: choose a day.')
  await talk.press('Later days')
  const day = String((await talk.last())?.buttons[0]?.text)
  expect((await talk.press(day)).text).toBe(`Window desk, ${day}: choose a time.`)
  const booked = await talk.press('09:00')
  expect(booked.text).toContain('Window desk')
  expect(booked.text).toContain('Confirmed')
  const [row] = await bookingsOf(talk.id)
  expect(row).toMatchObject({ status: 'confirmed', spaceId: space.id, source: 'telegram' })
  const list = await talk.write('/bookings')
  expect(list.buttons[0]?.text).toContain('Window desk')
  await talk.press(/Window desk/)
  expect((await talk.press('Cancel booking')).text).toStartWith('Cancel Window desk')
  expect((await talk.press('Yes')).text).toContain('Cancelled')
  expect(await bookingRow(server, row?.id ?? '')).toMatchObject({ status: 'cancelled' })
})

test('a priced time is held in the bot, paid on the web and refunded on cancellation', async () => {
  const { name } = await houseWith({
    name: 'Room',
    priceMinor: 2000,
    cancellation: [{ hoursBefore: 0, refundPercent: 100 }],
  })
  const talk = await newcomer()
  await toTimes(talk, 'Book a space', name, 'Room · €20.00')
  const held = await talk.press('10:00')
  expect(held.text).toContain('Pay €20.00 to confirm your booking: https://book.example.com/bookings')
  expect(held.buttons[0]).toMatchObject({ text: 'Pay €20.00', url: 'https://book.example.com/bookings' })
  const [row] = await bookingsOf(talk.id)
  expect(row).toMatchObject({ status: 'held' })
  // The same user signs in to the web app with Telegram.
  const signedIn = await clientOf(server).auth.telegram.mutate(proofOf(server, talk.id))
  const web = clientOf(server, { token: signedIn.accessToken })
  await payInBrowser(server, await web.payments.createIntent.mutate({ bookingId: row?.id ?? '' }))
  await untilBooking(server, row?.id ?? '', ({ status }) => status === 'confirmed')
  expect((await talk.press('I have paid')).text).toContain('Confirmed')
  expect((await talk.press('Cancel booking')).text).toContain('You will be refunded €20.00.')
  await talk.press('Yes')
  await untilBooking(server, row?.id ?? '', ({ refundedMinor }) => refundedMinor === 2000)
})

test('a released hold is free for the next user', async () => {
  const { name } = await houseWith({ name: 'Room', priceMinor: 2000 })
  const [first, second] = [await newcomer(), await newcomer()]
  await toTimes(first, 'Book a space', name, 'Room')
  await first.press('10:00')
  const seen = await toTimes(second, 'Book a space', name, 'Room')
  expect(seen.buttons.map(({ text }) => text)).not.toContain('10:00')
  expect((await first.press('Release')).text).toContain('Cancelled')
  await second.press('‹ Other days')
  await second.press(String((await second.last())?.buttons[0]?.text))
  expect((await second.press('10:00')).text).toContain('Held for you')
})

test('a service is requested, accepted and reviewed in Telegram', async () => {
  const {
    client: boss,
    specialist,
    service,
    person: worker,
  } = await makeSpecialist(server, {
    service: { name: 'Coaching', needsApproval: true },
  })
  const admin = clientOf(server, await makePerson(server, 'admin'))
  const name = `Studio ${specialist.id.slice(-6)}`
  await admin.locations.update.mutate({ id: specialist.locationId, name })
  const theirs = talkTo(server, freshTelegramId())
  await boss.auth.linkTelegram.mutate(proofOf(server, theirs.id))
  const talk = await newcomer()
  await toTimes(talk, 'Book a specialist', name, 'Coaching')
  expect((await talk.press('11:00')).text).toContain('Awaiting approval')
  const [row] = await bookingsOf(talk.id)
  const id = row?.id ?? ''
  expect(row).toMatchObject({ status: 'pending', specialistUserId: worker.id, serviceId: service.id })
  await theirs.write('/start')
  const asked = await theirs.press('Approval requests')
  expect(asked.buttons[0]?.text).toContain('Coaching')
  expect((await theirs.press(/Coaching/)).text).toContain('Ada Lovelace')
  expect((await theirs.press('Accept')).text).toContain('Confirmed')
  expect(await bookingRow(server, id)).toMatchObject({ status: 'confirmed' })
  await letPass(server, id)
  await admin.bookings.complete.mutate({ id })
  await talk.write('/bookings')
  await talk.press(/Coaching/)
  await talk.press(/^★★★★$/)
  const { items } = await clientOf(server).reviews.list.query({ specialistId: specialist.id })
  expect(items).toMatchObject([{ bookingId: id, rating: 4 }])
})

test('a seat is listed by the title of its event and offers no review', async () => {
  const { id } = await makePaidEvent(server)
  const talk = await newcomer()
  const signedIn = await clientOf(server).auth.telegram.mutate(proofOf(server, talk.id))
  const web = clientOf(server, { token: signedIn.accessToken })
  const { bookingId } = await web.events.attend.mutate({ id })
  if (!bookingId) throw new Error('no seat is held')
  await payInBrowser(server, await web.payments.createIntent.mutate({ bookingId }))
  await untilBooking(server, bookingId, ({ status }) => status === 'confirmed')
  await letPass(server, bookingId)
  await completePastBookings(server.deps)
  await talk.write('/bookings')
  const shown = await talk.press(/Breakfast/)
  expect(shown.text).toContain('Breakfast, House')
  expect(shown.buttons.map(({ text }) => text)).toEqual(['‹ Back'])
})

test('a request declined in Telegram is refunded', async () => {
  const { name, theirs } = await studioWith({ name: 'Advice', needsApproval: true, priceMinor: 3000 })
  const talk = await newcomer()
  await toTimes(talk, 'Book a specialist', name, 'Advice')
  await talk.press('11:00')
  const [row] = await bookingsOf(talk.id)
  const id = row?.id ?? ''
  const { accessToken } = await clientOf(server).auth.telegram.mutate(proofOf(server, talk.id))
  const web = clientOf(server, { token: accessToken })
  await payInBrowser(server, await web.payments.createIntent.mutate({ bookingId: id }))
  await untilBooking(server, id, ({ status }) => status === 'pending')
  await theirs.write('/start')
  await theirs.press('Approval requests')
  await theirs.press(/Advice/)
  await theirs.press('Decline')
  await untilBooking(
    server,
    id,
    ({ status, refundedMinor }) => status === 'declined' && refundedMinor === 3000,
  )
})

test('an update delivered twenty times to two servers is processed once', async () => {
  const other = await startTestServer({ queue: true, databaseUrl: server.deps.env.DATABASE_URL ?? '' })
  const { space, name } = await houseWith({ name: 'Desk', units: 30 })
  const talk = await newcomer()
  await toTimes(talk, 'Book a space', name, 'Desk')
  const { messageId, data } = await talk.dataOf('09:00')
  const press = pressOf(talk.id, messageId, data)
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, turn) => sendUpdate(turn % 2 ? server : other, press)),
  )
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  await handled(press.update_id)
  expect(await bookingsOf(talk.id)).toHaveLength(1)
  // A second press of the same button is a new update with the same data.
  const again = pressOf(talk.id, messageId, data)
  await Promise.all([sendUpdate(server, again), sendUpdate(other, again)])
  await handled(again.update_id)
  expect(await bookingsOf(talk.id)).toMatchObject([{ spaceId: space.id, status: 'confirmed' }])
  await other.stop()
})

test('a press is retried after a lost response and changes nothing twice', async () => {
  const { name } = await houseWith({ name: 'Desk', units: 30 })
  const talk = await newcomer()
  await toTimes(talk, 'Book a space', name, 'Desk')
  sandboxOf(server).failNext({ kind: 'error_after' }, { method: 'editMessageText' })
  sandboxOf(server).failNext({ kind: 'error' }, { method: 'answerCallbackQuery' })
  const { messageId, data } = await talk.dataOf('09:00')
  const press = pressOf(talk.id, messageId, data)
  await sendUpdate(server, press)
  expect((await handled(press.update_id)).state).toBe('done')
  expect(await bookingsOf(talk.id)).toHaveLength(1)
  expect((await talk.last())?.text).toContain('Confirmed')
})

test('a reply waits as often and as long as Telegram demands', async () => {
  sandboxOf(server).failNext({ kind: 'too_many', retryAfter: 1 }, { method: 'sendMessage', times: 2 })
  const talk = talkTo(server, freshTelegramId())
  const shown = await talk.write('/start')
  expect(shown.text).toStartWith('Welcome!')
  const refused = sandboxOf(server)
    .calls()
    .filter(({ payload, status }) => status === 429 && String(payload.chat_id) === String(talk.id))
  expect(refused).toHaveLength(2)
})

test('a user who blocks the bot gets no messages until they unblock it', async () => {
  const sandbox = sandboxOf(server)
  const person = 9_000_000_000_042
  const reachable = async () =>
    (await server.deps.db.select().from(telegramAccounts).where(eq(telegramAccounts.telegramId, person)))[0]
      ?.reachable
  await sandbox.people.write(person, '/start')
  const asked = await until(async () =>
    (await sandbox.people.chat(person)).find(({ from }) => from === 'bot'),
  )
  await sandbox.people.press(person, asked.messageId, 'I am new here')
  await until(reachable)
  await sandbox.people.block(person, true)
  await until(async () => (await reachable()) === false)
  await sandbox.people.block(person, false)
  await until(reachable)
  // Without an update about the block, the bot notices it with its next message.
  await server.deps.db
    .update(telegramAccounts)
    .set({ reachable: true })
    .where(eq(telegramAccounts.telegramId, person))
  sandbox.failNext({ kind: 'blocked' }, { method: 'sendMessage' })
  await sandbox.people.write(person, 'hello?')
  await until(async () => (await reachable()) === false)
})

test('a link code works once and not for a Telegram that is already linked', async () => {
  const person = await makePerson(server)
  const client = clientOf(server, person)
  const { code, url } = await client.auth.telegramCode.mutate()
  expect(url).toBe(`https://t.me/coworkspace_sandbox_bot?start=${code}`)
  const talk = talkTo(server, freshTelegramId())
  expect((await talk.write(`/start ${code}`)).text).toStartWith('Telegram is linked to the account of Person')
  expect(await client.auth.telegramAccount.query()).toMatchObject({
    account: { name: 'Ada Lovelace', reachable: true },
  })
  const stranger = talkTo(server, freshTelegramId())
  expect((await stranger.write(`/start ${code}`)).text).toStartWith('This code was already used')
  const other = clientOf(server, await makePerson(server))
  const second = await other.auth.telegramCode.mutate()
  expect((await talk.write(`/start ${second.code}`)).text).toStartWith(
    'This Telegram account is linked to another account',
  )
  expect(await other.auth.telegramAccount.query()).toEqual({ account: null })
  // A refused code remains valid for its user.
  await stranger.write(`/start ${second.code}`)
  expect(await other.auth.telegramAccount.query()).toMatchObject({ account: { reachable: true } })
})

test('a newer link code replaces the older, and a code expires', async () => {
  const client = clientOf(server, await makePerson(server))
  const first = await client.auth.telegramCode.mutate()
  const second = await client.auth.telegramCode.mutate()
  const talk = talkTo(server, freshTelegramId())
  expect((await talk.write(`/start ${first.code}`)).text).toStartWith('This code was already used')
  await server.deps.db.execute(
    `UPDATE telegram_link_codes SET expires_at = clock_timestamp() - interval '1 second'`,
  )
  expect((await talk.write(`/start ${second.code}`)).text).toStartWith('This code was already used')
  expect(await client.auth.telegramAccount.query()).toEqual({ account: null })
})

test('a press acts only on own bookings and within the rights of the user', async () => {
  const { name } = await houseWith({ name: 'Desk' })
  const owner = await newcomer()
  await toTimes(owner, 'Book a space', name, 'Desk')
  await owner.press('09:00')
  const [row] = await bookingsOf(owner.id)
  const ask = await owner.dataOf('Cancel booking')
  const thief = await newcomer()
  const { messageId } = (await thief.last()) ?? { messageId: 0 }
  for (const letter of ['q', 'c', 'u', 'y', 'n', 'i'])
    await sendUpdate(server, pressOf(thief.id, messageId, ask.data.replace(/^q/, letter)))
  const last = pressOf(thief.id, messageId, `${ask.data.replace(/^q/, 'r')}.5`)
  await sendUpdate(server, last)
  await handled(last.update_id)
  // The owner is not a specialist and cannot accept their own booking.
  const accept = pressOf(owner.id, (await owner.last())?.messageId ?? 0, ask.data.replace(/^q/, 'y'))
  await sendUpdate(server, accept)
  await handled(accept.update_id)
  expect(await bookingRow(server, row?.id ?? '')).toMatchObject({ status: 'confirmed' })
  expect((await thief.last())?.text).not.toContain('Desk')
})

test('the bot uses the language of the user, and the chosen one afterwards', async () => {
  const talk = talkTo(server, freshTelegramId(), { language_code: 'fr-CA' })
  expect((await talk.write('/start')).text).toStartWith('Bienvenue')
  await talk.press('C’est ma première fois')
  // The account keeps its first language until another is chosen, whatever later presses carry.
  await talk.write('/start')
  await talk.press(/Langue|Language/)
  expect((await talk.press('Italiano')).text).toStartWith('Ciao Ada')
  expect((await talk.write('anything')).text).toStartWith('Ciao Ada')
  const [user] = await server.deps.db
    .select({ language: users.language })
    .from(users)
    .innerJoin(telegramAccounts, eq(telegramAccounts.userId, users.id))
    .where(eq(telegramAccounts.telegramId, talk.id))
  expect(user?.language).toBe('it')
})

test('button texts are cut between characters', async () => {
  const { name } = await houseWith({ name: `x${'🦊'.repeat(48)}`, priceMinor: 2000 })
  const talk = await newcomer()
  const times = await toTimes(talk, 'Book a space', name, 'x🦊')
  expect(times.text).toStartWith('x🦊')
  await talk.press('10:00')
  expect((await talk.write('/bookings')).buttons[0]?.text).toContain('x🦊')
})

test('a web address that Telegram refuses is written as text without a button', async () => {
  const local = await startTestServer({ queue: true, env: { PUBLIC_URL: 'http://localhost:3000' } })
  const talk = talkTo(local, freshTelegramId())
  const welcome = await talk.write('/start')
  expect(welcome.text).toContain('http://localhost:3000/account')
  expect(welcome.buttons.map(({ text }) => text)).toEqual(['I am new here'])
  expect((await talk.press('I am new')).buttons.every(({ url }) => url === undefined)).toBe(true)
})

test('a user without an account gets the welcome message, whatever they press', async () => {
  const talk = talkTo(server, freshTelegramId())
  await talk.write('hello')
  const { messageId } = (await talk.last()) ?? { messageId: 0 }
  const press = pressOf(talk.id, messageId, 'b')
  await sendUpdate(server, press)
  await handled(press.update_id)
  expect((await talk.last())?.text).toStartWith('Welcome!')
  expect(await bookingsOf(talk.id)).toEqual([])
  expect(messageOf(1, 'x').message.chat.type).toBe('private')
})
