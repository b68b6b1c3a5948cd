import { afterAll, beforeAll, expect, test } from 'bun:test'
import { and, eq, sql } from 'drizzle-orm'
import { notificationDeliveries, notifications, telegramAccounts } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { pressOf, sandboxOf, sendUpdate, talkTo } from './support/bot'
import { bookingRow } from './support/money'
import { untilTold } from './support/notifications'
import { makeSpecialist } from './support/specialists'
import { freshTelegramId, proofOf } from './support/telegram'
import { at, clientOf, makePerson, makeSpace, startTestServer, stopTestServers, until } from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ queue: true })
})
afterAll(stopTestServers)

/** A user with a linked Telegram account and a chat with the bot. */
async function linked(role: 'customer' | 'specialist' = 'customer') {
  const person = await makePerson(server, role)
  return { person, talk: await link(person) }
}

async function link(person: { token: string }) {
  const talk = talkTo(server, freshTelegramId())
  await clientOf(server, person).auth.linkTelegram.mutate(proofOf(server, talk.id))
  await talk.write('/start')
  return talk
}

const newsOf = async (talk: ReturnType<typeof talkTo>) => (await talk.news()).map(({ text }) => text)
const deliveriesOf = ({ id }: { id: string }) =>
  server.deps.db
    .select({
      kind: notifications.kind,
      sentAt: notificationDeliveries.sentAt,
      refused: notificationDeliveries.refused,
    })
    .from(notificationDeliveries)
    .innerJoin(notifications, eq(notifications.id, notificationDeliveries.notificationId))
    .where(and(eq(notifications.userId, id), eq(notificationDeliveries.channel, 'telegram')))
const reachable = async (telegramId: number) => {
  const [row] = await server.deps.db
    .select()
    .from(telegramAccounts)
    .where(eq(telegramAccounts.telegramId, telegramId))
  return row?.reachable
}

async function bookAs(person: { token: string }, serviceId?: string) {
  const client = clientOf(server, person)
  const target = serviceId ? { serviceId } : { spaceId: (await makeSpace(server, { name: 'Desk' })).id }
  const { id } = await client.bookings.create.mutate({ ...target, startsAt: at(9) })
  return client.bookings.confirm.mutate({ id })
}

test('a specialist can accept a request in Telegram, and both sides are notified', async () => {
  const { person: worker, service } = await makeSpecialist(server, {
    service: { name: 'Coaching', needsApproval: true },
  })
  const theirs = await link(worker)
  const { person, talk } = await linked()
  const { id } = await bookAs(person, service.id)
  const question = await until(async () => (await theirs.news())[0])
  expect(question.text).toContain('Coaching')
  expect(question.buttons.map(({ text }) => text)).toEqual(['Accept', 'Decline'])
  await pressButton(theirs.id, question.messageId, 'Accept')
  await until(async () => (await bookingRow(server, id)).status === 'confirmed')
  for (const side of [person, worker])
    await until(async () =>
      (await deliveriesOf(side)).some(({ kind, sentAt }) => kind === 'booking_accepted' && sentAt),
    )
  expect((await newsOf(talk)).at(-1)).toContain('Coaching')
  expect((await deliveriesOf(worker)).find(({ kind }) => kind === 'booking_requested')?.sentAt).not.toBeNull()
})

async function pressButton(telegramId: number, messageId: number, label: string) {
  const message = (await sandboxOf(server).people.chat(telegramId)).find((one) => one.messageId === messageId)
  const found = message?.keyboard?.flat().find(({ text }) => text === label)
  await sendUpdate(server, pressOf(telegramId, messageId, String(found?.callback_data)))
}

test('a specialist can decline a request in Telegram', async () => {
  const { person: worker, service } = await makeSpecialist(server, { service: { needsApproval: true } })
  const theirs = await link(worker)
  const { person } = await linked()
  const { id } = await bookAs(person, service.id)
  const question = await until(async () => (await theirs.news())[0])
  await pressButton(theirs.id, question.messageId, 'Decline')
  await until(async () => (await bookingRow(server, id)).status === 'declined')
})

test('a user without Telegram or without a chat with the bot gets no messages there', async () => {
  const unlinked = await makePerson(server)
  const withoutChat = await makePerson(server)
  await clientOf(server, withoutChat).auth.linkTelegram.mutate(proofOf(server))
  for (const person of [unlinked, withoutChat]) await bookAs(person)
  await untilTold(server)
  for (const person of [unlinked, withoutChat]) expect(await deliveriesOf(person)).toEqual([])
})

test('a notification is in the reader’s language and has a button to the booking', async () => {
  const { person, talk } = await linked()
  await clientOf(server, person).auth.update.mutate({ language: 'it' })
  await bookAs(person)
  const [news] = await until(async () => {
    const chat = await sandboxOf(server).people.chat(talk.id)
    const found = chat.filter(({ text }) => text.startsWith('La prenotazione è confermata'))
    return found.length > 0 ? found : undefined
  })
  expect(news?.keyboard?.[0]?.map(({ text }) => text)).toEqual(['Mostra'])
})

test('a notification that Telegram delays is sent once, after the requested wait', async () => {
  const { person, talk } = await linked()
  sandboxOf(server).failNext({ kind: 'too_many', retryAfter: 1 }, { method: 'sendMessage', times: 2 })
  const started = performance.now()
  await bookAs(person)
  await until(async () => (await newsOf(talk)).length > 0)
  expect(performance.now() - started).toBeGreaterThan(1900)
  await untilTold(server)
  expect(await newsOf(talk)).toHaveLength(1)
  const failed = await server.deps.db.execute(
    sql`SELECT last_error FROM graphile_worker.jobs WHERE task_identifier = 'send-notification' AND last_error IS NOT NULL`,
  )
  expect([...failed]).toEqual([])
})

test('a notification that fails at Telegram is retried', async () => {
  const { person, talk } = await linked()
  sandboxOf(server).failNext({ kind: 'error' }, { method: 'sendMessage' })
  await bookAs(person)
  await until(async () => (await newsOf(talk)).length > 0)
  expect(await deliveriesOf(person)).toMatchObject([{ kind: 'booking_confirmed', refused: null }])
})

test('blocking the bot stops its messages until it is unblocked', async () => {
  const { person, talk } = await linked()
  await sandboxOf(server).people.block(talk.id, true)
  await until(async () => (await reachable(talk.id)) === false)
  await server.deps.db
    .update(telegramAccounts)
    .set({ reachable: true })
    .where(eq(telegramAccounts.telegramId, talk.id))
  await bookAs(person)
  await until(async () =>
    (await deliveriesOf(person)).some(({ refused }) => refused === 'the user blocked the bot'),
  )
  expect(await reachable(talk.id)).toBe(false)
  await bookAs(person)
  await untilTold(server)
  expect(await deliveriesOf(person)).toHaveLength(1)
  await sandboxOf(server).people.block(talk.id, false)
  await until(() => reachable(talk.id))
  await bookAs(person)
  await until(async () => (await newsOf(talk)).length === 1)
})

test('a kind of notification that is turned off for Telegram is not sent there', async () => {
  const { person, talk } = await linked()
  const client = clientOf(server, person)
  await client.notifications.setPreferences.mutate({
    items: [{ kind: 'booking_confirmed', telegram: false }],
  })
  const { id } = await bookAs(person)
  await untilTold(server)
  expect(await newsOf(talk)).toEqual([])
  await client.bookings.cancel.mutate({ id })
  await until(async () => (await newsOf(talk)).length === 1)
})
