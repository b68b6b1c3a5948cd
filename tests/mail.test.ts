import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import ICAL from 'ical.js'
import { systemContext } from '../src/context'
import { notificationDeliveries, notifications, users } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { sendNotification } from '../src/services/delivery/deliver'
import { rescueJobs } from '../src/services/jobs/jobs'
import { countPaymentProblems } from '../src/services/payments/payment-health'
import { admin } from './support/admin'
import { createDatabase } from './support/database'
import { greylisted, type MailServer, noSuchMailbox, startMailServer } from './support/mail'
import { rowsFor, untilTold } from './support/notifications'
import { freePort } from './support/port'
import { spawnServer, stopProcesses, whenUp } from './support/process'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  startTestServer,
  stopTestServers,
  type TestPerson,
  until,
} from './support/world'

let mail: MailServer
let server: RunningServer
beforeAll(async () => {
  mail = await startMailServer()
  server = await startTestServer({
    queue: true,
    env: { SMTP_URL: mail.url, MAIL_FROM: 'hello@house.example', PUBLIC_URL: 'https://book.house.example' },
  })
})
afterAll(async () => {
  await stopTestServers()
  await stopProcesses()
  await mail.stop()
})

const rename = (person: TestPerson, fields: Partial<typeof users.$inferInsert>) =>
  server.deps.db.update(users).set(fields).where(eq(users.id, person.id))

/** Books a free space, which sends one mail. */
async function book(person: TestPerson, settings: Parameters<typeof makeSpace>[1] = {}, on = server) {
  const space = await makeSpace(on, settings)
  const client = clientOf(on, person)
  const { id } = await client.bookings.create.mutate({ spaceId: space.id, startsAt: at(9) })
  return client.bookings.confirm.mutate({ id })
}

const deliveriesOf = async (person: TestPerson) =>
  server.deps.db
    .select({ sentAt: notificationDeliveries.sentAt, refused: notificationDeliveries.refused })
    .from(notificationDeliveries)
    .innerJoin(notifications, eq(notifications.id, notificationDeliveries.notificationId))
    .where(eq(notifications.userId, person.id))

/** Retries failed mails now instead of after their delay. */
const hurry = () =>
  server.deps.db.execute(sql`
    UPDATE graphile_worker._private_jobs SET run_at = now() WHERE key LIKE 'send-notification:%' AND locked_at IS NULL AND attempts > 0`)

test('a confirmation mail uses the user’s language and has a valid calendar file', async () => {
  const person = await makePerson(server)
  await rename(person, { name: 'Ada Lovelace', language: 'it' })
  const booking = await book(person, { name: 'Sala grande', timeZone: 'Europe/Rome' })
  const sent = await until(() => mail.to(person.email)[0])
  const [row] = await rowsFor(server, person)
  const { subject, text, from, to, messageId, headers, attachments } = sent.mail
  expect(subject).toBe('Prenotazione confermata')
  expect(text).toContain('Ciao Ada Lovelace,')
  expect(text).toContain(
    'La prenotazione è confermata: Sala grande, House, lun 4 gennaio 2027 alle ore 10:00.',
  )
  expect(text).toContain('\nhttps://book.house.example/bookings\n')
  expect(text).toContain('Scegli quali e-mail ricevere: https://book.house.example/notifications')
  expect(from?.value).toEqual([{ address: 'hello@house.example', name: '' }])
  expect([to].flat()[0]?.value).toEqual([{ address: person.email, name: 'Ada Lovelace' }])
  expect(messageId).toBe(`<notification.${row?.id}@book.house.example>`)
  expect(headers.get('auto-submitted')).toBe('auto-generated')
  const files = attachments.filter(({ contentType }) => /calendar|ics/.test(contentType))
  expect(files.length).toBeGreaterThan(0)
  const calendar = new ICAL.Component(ICAL.parse(files[0]?.content.toString() ?? ''))
  const [event] = calendar.getAllSubcomponents('vevent').map((component) => new ICAL.Event(component))
  expect(event?.summary).toBe('Sala grande')
  expect(event?.startDate.toJSDate().toISOString()).toBe(new Date(booking.startsAt).toISOString())
  expect(event?.uid).toBe(`booking-${booking.id}@coworkspace`)
})

test('a mail that is refused temporarily is retried and delivered exactly once', async () => {
  const person = await makePerson(server)
  mail.refuseNext(greylisted, greylisted)
  const before = mail.attempts
  await book(person)
  await until(async () => {
    await hurry()
    return mail.to(person.email).length > 0
  }, 30_000)
  await untilTold(server)
  expect(mail.attempts - before).toBe(3)
  expect(mail.to(person.email)).toHaveLength(1)
  const [delivery, ...others] = await deliveriesOf(person)
  expect(others).toEqual([])
  expect(delivery).toMatchObject({ sentAt: expect.any(Date), refused: null })
})

test('a mail to a permanently refused address is not retried', async () => {
  const person = await makePerson(server)
  mail.refuseNext(noSuchMailbox)
  const before = mail.attempts
  await book(person)
  await until(async () => (await deliveriesOf(person))[0]?.refused)
  await untilTold(server)
  expect(mail.attempts - before).toBe(1)
  expect(mail.to(person.email)).toEqual([])
  const [delivery] = await deliveriesOf(person)
  expect(delivery?.refused).toContain('5.1.1 No such mailbox here')
  expect(await server.deps.metrics.readAll()).toMatch(
    /notifications_total\{channel="email",outcome="refused"\} \d/,
  )
})

test('a mail whose acknowledgement is lost is sent again with the same Message-ID', async () => {
  const person = await makePerson(server)
  mail.onNext(() => false)
  await book(person)
  await until(async () => {
    await hurry()
    return mail.to(person.email).length === 2
  }, 30_000)
  await untilTold(server)
  const names = mail.to(person.email).map((received) => received.mail.messageId)
  expect(names).toHaveLength(2)
  expect(new Set(names).size).toBe(1)
})

test('if a worker dies after sending, another repeats the mail with its Message-ID', async () => {
  const databaseUrl = await createDatabase()
  const env = { SMTP_URL: mail.url }
  const port = freePort()
  const settings = { NODE_ENV: 'test', SEED: 'none', PORT: String(port), DATABASE_URL: databaseUrl, ...env }
  const worker = spawnServer(settings)
  await whenUp(worker, `http://127.0.0.1:${port}`)
  mail.onNext(async () => {
    worker.kill('SIGKILL')
    await worker.exited
  })
  const api = await startTestServer({ databaseUrl, env })
  const person = await makePerson(api)
  await book(person, {}, api)
  await worker.exited
  const other = await startTestServer({ databaseUrl, env, queue: true })
  // Longer than a live worker keeps a job locked.
  await api.deps.db.execute(
    sql`UPDATE graphile_worker._private_jobs SET locked_at = now() - interval '4 minutes' WHERE locked_at IS NOT NULL`,
  )
  expect(await rescueJobs(api.deps.db)).toBe(1)
  await until(() => mail.to(person.email).length === 2, 30_000)
  await untilTold(other)
  expect(new Set(mail.to(person.email).map((received) => received.mail.messageId)).size).toBe(1)
  expect(await clientOf(api, person).notifications.list.query({})).toMatchObject({ unread: 1 })
  await Promise.all([api.stop(), other.stop()])
}, 120_000)

test('jobs that run again after their mail was sent send nothing more', async () => {
  const person = await makePerson(server)
  await book(person)
  await until(async () => (await deliveriesOf(person))[0]?.sentAt)
  const [row] = await rowsFor(server, person)
  const again = { notificationId: row?.id ?? '', channel: 'email' as const }
  const ctx = systemContext(server.deps, 'clock')
  await Promise.all([1, 2, 3].map(() => sendNotification(ctx, again)))
  expect(mail.to(person.email)).toHaveLength(1)
})

test('a user’s name cannot inject mail headers', async () => {
  const names = [
    'Eve\r\nBcc: everyone@example.com',
    'Eve\nSubject: You have won',
    '"Eve" <eve@example.com>, "Bob" <bob@example.com>',
    'Eve\u2028X-Mailer: evil',
    `Eve <script>alert('x')</script>`,
  ]
  for (const name of names) {
    const person = await makePerson(server)
    // Written to the database, because the API refuses such names.
    await rename(person, { name })
    await book(person, { name: 'Desk' })
    const sent = await until(() => mail.to(person.email)[0])
    expect(sent.to).toEqual([person.email])
    const [head = ''] = sent.raw.split('\r\n\r\n')
    const fields = head
      .replace(/\r\n[ \t]+/g, ' ')
      .split('\r\n')
      .map((line) => line.split(':')[0]?.toLowerCase())
    expect(fields).not.toContain('bcc')
    expect(fields).not.toContain('x-mailer')
    expect(fields.filter((field) => field === 'subject')).toHaveLength(1)
    expect([sent.mail.to].flat()[0]?.value.map(({ address }) => address)).toEqual([person.email])
    expect(sent.mail.subject).toBe('Booking confirmed')
  }
})

test('users without an email, or opted out of it, are notified in the app only', async () => {
  const [without, unwilling] = [await makePerson(server), await makePerson(server)]
  await rename(without, { email: null })
  await clientOf(server, unwilling).notifications.setPreferences.mutate({
    items: [{ kind: 'booking_confirmed', email: false }],
  })
  const before = mail.received.length
  for (const person of [without, unwilling]) await book(person)
  await untilTold(server)
  for (const person of [without, unwilling]) {
    expect(await deliveriesOf(person)).toEqual([])
    expect(await clientOf(server, person).notifications.list.query({})).toMatchObject({ unread: 1 })
  }
  expect(mail.received.length).toBe(before)
})

test('a mail that waits for a retry is dropped if its booking is cancelled', async () => {
  const person = await makePerson(server)
  mail.refuseNext(greylisted)
  const before = mail.attempts
  const { id } = await book(person)
  await until(() => mail.attempts > before)
  await clientOf(server, person).bookings.cancel.mutate({ id })
  await until(async () => {
    await hurry()
    return (await deliveriesOf(person)).every(({ sentAt, refused }) => sentAt || refused)
  }, 30_000)
  await untilTold(server)
  expect(mail.to(person.email).map((received) => received.mail.subject)).toEqual(['Booking cancelled'])
})

test('bookings work while the mail server is down, and mails follow when it is back', async () => {
  const account = { user: 'house@example.com', password: 'p@ss/w:rd' }
  const other = await startMailServer(account)
  const port = new URL(other.url).port
  await other.stop()
  const away = await startTestServer({ queue: true, env: { SMTP_URL: other.url } })
  const person = await makePerson(away)
  const client = clientOf(away, person)
  const { id } = await client.bookings.create.mutate({
    spaceId: (await makeSpace(away)).id,
    startsAt: at(9),
  })
  await client.bookings.confirm.mutate({ id })
  await until(async () => {
    const [job] = await away.deps.db.execute(
      sql`SELECT last_error FROM graphile_worker.jobs WHERE task_identifier = 'send-notification' AND last_error IS NOT NULL`,
    )
    return job
  })
  expect(await client.notifications.list.query({})).toMatchObject({ unread: 1 })
  const look = async (SMTP_URL: string) => {
    const settings = { DATABASE_URL: away.deps.env.DATABASE_URL ?? '', SEED: 'none', SMTP_URL }
    const findings = (await admin(settings, 'doctor', '--json')).json<
      { name: string; state: string; says: string }[]
    >()
    return findings.find(({ name }) => name === 'mail')
  }
  expect(await look('')).toMatchObject({ state: 'off' })
  expect(await look(other.url)).toMatchObject({
    state: 'broken',
    says: expect.stringContaining('ECONNREFUSED'),
  })
  expect(await countPaymentProblems(away.deps)).toMatchObject({ failedJobs: 0, waitingJobs: 0 })
  const back = await startMailServer(account, Number(port))
  await until(async () => {
    await away.deps.db.execute(
      sql`UPDATE graphile_worker._private_jobs SET run_at = now() WHERE locked_at IS NULL`,
    )
    return back.to(person.email).length === 1
  }, 30_000)
  expect(back.received[0]?.from).toBe('no-reply@localhost')
  expect(await look(back.url)).toMatchObject({ state: 'ok' })
  const wrong = back.url.replace(':p%40', ':q%40')
  expect(await look(wrong)).toMatchObject({ state: 'broken', says: expect.stringContaining('535') })
  await back.stop()
})
