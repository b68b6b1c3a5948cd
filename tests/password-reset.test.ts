import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { users } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { PATHS } from '../web/src/paths'
import { makeAccount, password } from './support/accounts'
import { admin } from './support/admin'
import { hasBrowser } from './support/browser'
import { type MailServer, startMailServer } from './support/mail'
import { closeBrowser, said, seriousViolations, unexpected, visit } from './support/web'
import {
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  until,
} from './support/world'

let mail: MailServer
let server: RunningServer
beforeAll(async () => {
  mail = await startMailServer()
  server = await startTestServer({
    queue: true,
    env: { SMTP_URL: mail.url, PUBLIC_URL: 'https://book.house.example' },
  })
})
afterAll(async () => {
  await closeBrowser()
  await stopTestServers()
  await mail.stop()
})

const another = 'quite-another-passphrase'
const anyone = () => clientOf(server)

/** Requests a reset mail and returns the token in its link. */
async function linkFor({ email }: { email: string }): Promise<string> {
  const before = mail.to(email).length
  await anyone().auth.forgotPassword.mutate({ email })
  return tokenIn(email, before)
}

async function tokenIn(email: string, index: number): Promise<string> {
  const sent = await until(() => mail.to(email)[index])
  const [, token] = /https:\/\/book\.house\.example\/new-password#([\w-]+)/.exec(sent.mail.text ?? '') ?? []
  if (!token) throw new Error('the mail has no reset link')
  return token
}

test('a reset link changes the password once and ends all other sessions', async () => {
  const account = await makeAccount(server)
  const { email } = account
  const elsewhere = await anyone().auth.login.mutate({ email, password })
  const [first, second] = [await linkFor(account), await linkFor(account)]
  const signedIn = await anyone().auth.resetPassword.mutate({ token: second, password: another })
  expect(signedIn.user.email).toBe(email)
  expect(await clientOf(server, { token: signedIn.accessToken }).auth.me.query()).toMatchObject({ email })
  expect(await reasonOf(anyone().auth.login.mutate({ email, password }))).toBe('WRONG_CREDENTIALS')
  const { refreshToken } = elsewhere
  expect(await reasonOf(anyone().auth.refresh.mutate({ refreshToken }))).toBe('REFRESH_INVALID')
  // Both links are void: one is used, and the other belongs to the old password.
  for (const token of [first, second])
    expect(await reasonOf(anyone().auth.resetPassword.mutate({ token, password }))).toBe('VALIDATION')
  expect(await reasonOf(anyone().auth.login.mutate({ email, password: another }))).toBe('was not refused')
})

test('a reset link that is used several times at once works once', async () => {
  const account = await makeAccount(server)
  const token = await linkFor(account)
  const tries = [1, 2, 3, 4].map((n) =>
    anyone().auth.resetPassword.mutate({ token, password: `${another}${n}` }),
  )
  expect((await Promise.all(tries.map(reasonOf))).sort()).toEqual([
    'VALIDATION',
    'VALIDATION',
    'VALIDATION',
    'was not refused',
  ])
})

test('an expired, forged or unknown link, or one of a deleted user, has no effect', async () => {
  const account = await makeAccount(server)
  const token = await linkFor(account)
  const reset = (token: string, long = another) =>
    reasonOf(anyone().auth.resetPassword.mutate({ token, password: long }))
  const changed = `${token.slice(0, 3)}${token[3] === 'A' ? 'B' : 'A'}${token.slice(4)}`
  const { locationId } = await makeSpace(server)
  const operator = clientOf(server, await makePerson(server, 'admin'))
  const ofDoor = await operator.checkIns.doorCode.query({ id: locationId })
  for (const made of [changed, `${token}AAAA`, ofDoor.code, 'nonsense', '%%%'])
    expect(await reset(made)).toBe('VALIDATION')
  expect(await reset(token, 'short')).toBe('VALIDATION')
  const now = Date.now
  try {
    Date.now = () => now() + 3_600_000
    expect(await reset(token)).toBe('VALIDATION')
  } finally {
    Date.now = now
  }
  expect(await reasonOf(anyone().auth.login.mutate({ email: account.email, password }))).toBe(
    'was not refused',
  )
  await clientOf(server, account).auth.deleteMe.mutate()
  expect(await reset(token)).toBe('VALIDATION')
})

test('a reset request does not reveal whether an address has an account', async () => {
  const account = await makeAccount(server)
  const nobody = `${Bun.randomUUIDv7()}@example.com`
  const ask = (email: string) => anyone().auth.forgotPassword.mutate({ email })
  expect(await ask(nobody)).toEqual(await ask(account.email))
  await until(() => mail.to(account.email).length === 1)
  expect(mail.to(nobody)).toEqual([])
})

test('the reset mail uses the user’s language; a server without mail refuses', async () => {
  const account = await makeAccount(server)
  await server.deps.db.update(users).set({ language: 'it' }).where(eq(users.id, account.id))
  await linkFor(account)
  expect(mail.to(account.email)[0]?.mail.subject).toBe('Reimposta la password')
  const silent = await startTestServer()
  const { email } = await makeAccount(silent)
  expect(await reasonOf(clientOf(silent).auth.forgotPassword.mutate({ email }))).toBe('INVALID_STATE')
})

test('an operator can create a reset link on a server without mail', async () => {
  const account = await makeAccount(server)
  const { DATABASE_URL = '', JWT_SECRET } = server.deps.env
  const settings = { DATABASE_URL, JWT_SECRET }
  const { out } = await admin(settings, 'users', 'password-link', account.email)
  const [, token = ''] = out.trim().split('#')
  expect(await reasonOf(anyone().auth.resetPassword.mutate({ token, password: another }))).toBe(
    'was not refused',
  )
})

test.skipIf(!hasBrowser())('a user who forgot the password resets it in the web app', async () => {
  const account = await makeAccount(server)
  const visitor = await visit(server, PATHS.signIn, { phone: true })
  const { page } = visitor
  await page.getByRole('link', { name: 'Forgot your password?' }).press('Enter')
  await page.getByLabel('Email').fill(account.email)
  expect(await seriousViolations(page)).toEqual([])
  await page.getByRole('button', { name: 'Send reset link' }).press('Enter')
  await said(page, 'If an account with this email exists, a reset link is on its way.')
  const token = await tokenIn(account.email, 0)
  await page.goto(`${server.url}${PATHS.newPassword}#${token}`)
  await page.getByLabel('New password').fill(another)
  expect(await seriousViolations(page)).toEqual([])
  await page.getByRole('button', { name: 'Save' }).press('Enter')
  await page.getByRole('heading', { name: 'Find your space' }).waitFor()
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
  await page.goto(`${server.url}${PATHS.newPassword}#${token}`)
  await page.getByLabel('New password').fill(password)
  await page.getByRole('button', { name: 'Save' }).press('Enter')
  await said(page, 'This link is no longer valid.')
  expect(unexpected(visitor)).toEqual([])
  await visitor.context.close()
})
