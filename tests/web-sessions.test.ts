import { expect, setDefaultTimeout, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { PATHS } from '../web/src/paths'
import { makeAccount, newEmail, password, startSessionOf } from './support/accounts'
import { hasBrowser } from './support/browser'
import { button, said, seriousViolations, signIn, unexpected, withWebApp } from './support/web'
import { at, clientOf, makePerson, makeSpace } from './support/world'

setDefaultTimeout(60_000)

const web = withWebApp()
const { open } = web
const it = test.skipIf(!hasBrowser())

const nameOf = async ({ id }: { id: string }) => (await startSessionOf(web.server, { id })).user.name

/** Replaces the stored tokens of a page. */
async function keep(page: Page, tokens: object): Promise<void> {
  await page.evaluate((text) => localStorage.setItem('coworkspace', text), JSON.stringify(tokens))
}

it('a tab follows a sign-in in another tab and shows no data of the previous user', async () => {
  const [ann, ben] = [await makePerson(web.server), await makeAccount(web.server)]
  const visitor = await open(PATHS.account, { person: ann })
  const other = visitor.page
  const name = other.getByLabel('Name')
  await other.locator(`input[value="${await nameOf(ann)}"]`).waitFor()
  const page = await visitor.context.newPage()
  await page.goto(`${web.server.url}${PATHS.signIn}`)
  await page.waitForURL(`${web.server.url}/`)
  await button(page, 'Sign out').click()
  await said(other, 'Sign in to view this page')
  expect(await other.getByText(ann.email).count()).toBe(0)

  await page.getByRole('banner').getByRole('link', { name: 'Sign in' }).click()
  await signIn(page, ben)
  await said(other, new RegExp(ben.email))
  expect(await name.inputValue()).toBe(await nameOf(ben))
  const space = await makeSpace(web.server)
  const { id } = await clientOf(web.server, ben).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
  await clientOf(web.server, ben).bookings.confirm.mutate({ id })
  await other.getByRole('link', { name: /Notifications, 1 new/ }).waitFor()
  expect(unexpected(visitor)).toEqual([])
})

it('a signed-in user never sees the sign-in form, even when going back', async () => {
  const account = await makeAccount(web.server)
  const { page } = await open('/')
  await page.getByRole('banner').getByRole('link', { name: 'Sign in' }).click()
  await page.getByRole('link', { name: 'Create account' }).click()
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click()
  await signIn(page, account)
  await button(page, 'Sign out').waitFor()
  await page.goBack()
  await said(page, 'Find your space')
  expect(await page.getByLabel('Password').count()).toBe(0)
  await page.goto(`${web.server.url}${PATHS.register}?then=${PATHS.bookings}`)
  await said(page, 'No bookings yet.')
})

it('an invalid access token is refreshed, and an invalid session signs out', async () => {
  const person = await makePerson(web.server)
  const session = await startSessionOf(web.server, person)
  const { page } = await open('/')
  await keep(page, { ...session, accessToken: 'of-another-server' })
  await page.goto(`${web.server.url}${PATHS.bookings}`)
  await said(page, 'No bookings yet.')
  for (const address of [PATHS.bookings, PATHS.account, PATHS.live]) {
    await keep(page, { ...session, accessToken: 'of-another-server', refreshToken: 'neither' })
    await page.goto(`${web.server.url}${address}`)
    await said(page, 'Sign in to view this page')
    const link = page.getByRole('main').getByRole('link', { name: 'Sign in' })
    expect(await link.getAttribute('href')).toBe(`/sign-in?then=${encodeURIComponent(address)}`)
  }
})

it('if the current user cannot be loaded, the page shows an error and a retry', async () => {
  const person = await makePerson(web.server, 'admin')
  const { page } = await open('/api/health', { person })
  await page.route('**/trpc/**auth.me**', (route) =>
    route.fulfill({
      status: 500,
      contentType: 'application/json',
      body: JSON.stringify([REFUSED, REFUSED, REFUSED]),
    }),
  )
  for (const address of [PATHS.account, PATHS.live]) {
    await page.goto(`${web.server.url}${address}`)
    await said(page, 'This could not be loaded.')
    expect(await seriousViolations(page)).toEqual([])
  }
  await page.unroute('**/trpc/**auth.me**')
  await button(page, 'Try again').click()
  await said(page, 'Boards watched')
})
const REFUSED = {
  error: {
    message: 'A bug',
    code: -32603,
    data: { code: 'INTERNAL_SERVER_ERROR', httpStatus: 500, reason: 'INTERNAL', requestId: 'r' },
  },
}

it('the current session is marked, and ending it signs out', async () => {
  const person = await makePerson(web.server)
  await startSessionOf(web.server, person, 'Elsewhere')
  const { page } = await open(PATHS.account, { person })
  const here = page.getByRole('listitem').filter({ hasText: 'This device' })
  await here.waitFor()
  await page.getByRole('listitem').filter({ hasText: 'Elsewhere' }).getByRole('button').click()
  await said(page, 'This device')
  await here.getByRole('button', { name: 'Sign out' }).click()
  await said(page, 'Sign in to view this page')
  expect(await page.getByRole('banner').getByRole('link', { name: 'Sign in' }).count()).toBe(1)
})

it('changing the password checks the old one and keeps this device signed in', async () => {
  const account = await makeAccount(web.server)
  const { page } = await open(PATHS.account, { person: account })
  const current = page.getByLabel('Current password')
  const changeWith = async (typed: string) => {
    await current.fill(typed)
    await page.getByLabel('New password').fill('another-long-passphrase')
    await current.press('Enter')
  }
  await changeWith('not-the-password')
  await said(page, 'Incorrect password.')
  expect(await current.evaluate((field) => field.matches(':focus[aria-invalid="true"]'))).toBe(true)
  expect(await seriousViolations(page)).toEqual([])
  const email = newEmail()
  await page.getByLabel('Email').fill(email)
  await changeWith(password)
  await said(page, 'Saved.')
  await said(page, new RegExp(email))
  const tokens = JSON.parse((await page.evaluate('localStorage.getItem("coworkspace")')) as string)
  await keep(page, { ...tokens, accessToken: 'that-has-expired' })
  await page.goto(`${web.server.url}${PATHS.bookings}`)
  await said(page, 'No bookings yet.')
})

it('registering with a used email marks the email field', async () => {
  const { email } = await makePerson(web.server)
  const { page } = await open(PATHS.register)
  await page.getByLabel('Name').fill('Ada')
  await page.getByLabel('Email').fill(email)
  await page.getByLabel('Password').fill(password)
  await page.keyboard.press('Enter')
  await said(page, 'An account with this email already exists.')
  const field = page.getByLabel('Email')
  expect(await field.evaluate((element) => element.matches(':focus[aria-invalid="true"]'))).toBe(true)
})

it('a user can choose to stay anonymous', async () => {
  const person = await makePerson(web.server)
  const { page } = await open(PATHS.account, { person })
  await page.getByRole('checkbox', { name: 'Stay anonymous' }).press('Space')
  await button(page, 'Save').press('Enter')
  await said(page, 'Saved.')
  expect(await clientOf(web.server, person).auth.me.query()).toMatchObject({ hidden: true })
})
