import { expect, setDefaultTimeout, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { PATHS } from '../web/src/paths'
import { makeAccount, password, startSessionOf } from './support/accounts'
import { hasBrowser } from './support/browser'
import { initDataOf, launchOf, miniAppOf, nowSeconds, signMiniApp } from './support/telegram'
import { button, said, seriousViolations, takePicture, unexpected, withWebApp } from './support/web'
import { at, clientOf, makePerson, makeSpace } from './support/world'

setDefaultTimeout(60_000)

const web = withWebApp()
const { open } = web
const it = test.skipIf(!hasBrowser())

const nameOf = async ({ id }: { id: string }) => (await startSessionOf(web.server, { id })).user.name

/** Has the tokens that are kept in a page be others. */
async function keep(page: Page, tokens: object): Promise<void> {
  await page.evaluate((text) => localStorage.setItem('coworkspace', text), JSON.stringify(tokens))
}

it('a tab shows nothing of one person to another who has signed in beside it, and hears what is told to that one', async () => {
  const [ann, ben] = [await makePerson(web.server), await makeAccount(web.server)]
  const visitor = await open(PATHS.account, { person: ann })
  const other = visitor.page
  const name = other.getByLabel('Name')
  await other.locator(`input[value="${await nameOf(ann)}"]`).waitFor()
  const page = await visitor.context.newPage()
  await page.goto(`${web.server.url}${PATHS.signIn}`)
  await page.waitForURL(`${web.server.url}/`)
  await button(page, 'Sign out').click()
  await said(other, 'Sign in to see this')
  expect(await other.getByText(ann.email).count()).toBe(0)

  await page.getByRole('banner').getByRole('link', { name: 'Sign in' }).click()
  await page.getByLabel('E-mail').fill(ben.email)
  await page.getByLabel('Password').fill(password)
  await page.keyboard.press('Enter')
  await said(other, new RegExp(ben.email))
  expect(await name.inputValue()).toBe(await nameOf(ben))
  const space = await makeSpace(web.server)
  const { id } = await clientOf(web.server, ben).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
  await clientOf(web.server, ben).bookings.confirm.mutate({ id })
  await other.getByRole('link', { name: /Notifications, 1 new/ }).waitFor()
  expect(unexpected(visitor)).toEqual([])
})

it('who is signed in finds no form to sign in, also by going back to it', async () => {
  const account = await makeAccount(web.server)
  const { page } = await open('/')
  await page.getByRole('banner').getByRole('link', { name: 'Sign in' }).click()
  await page.getByRole('link', { name: 'Open an account' }).click()
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click()
  await page.getByLabel('E-mail').fill(account.email)
  await page.getByLabel('Password').fill(password)
  await page.keyboard.press('Enter')
  await button(page, 'Sign out').waitFor()
  await page.goBack()
  await said(page, 'Find your space')
  expect(await page.getByLabel('Password').count()).toBe(0)
  await page.goto(`${web.server.url}${PATHS.register}?then=${PATHS.bookings}`)
  await said(page, 'You have no bookings yet.')
})

it('an access token that the server does not know is replaced, and a session that it does not know is none', async () => {
  const person = await makePerson(web.server)
  const session = await startSessionOf(web.server, person)
  const { page } = await open('/')
  await keep(page, { ...session, accessToken: 'of-another-server' })
  await page.goto(`${web.server.url}${PATHS.bookings}`)
  await said(page, 'You have no bookings yet.')
  for (const address of [PATHS.bookings, PATHS.account, PATHS.live]) {
    await keep(page, { ...session, accessToken: 'of-another-server', refreshToken: 'neither' })
    await page.goto(`${web.server.url}${address}`)
    await said(page, 'Sign in to see this')
    const link = page.getByRole('main').getByRole('link', { name: 'Sign in' })
    expect(await link.getAttribute('href')).toBe(`/sign-in?then=${encodeURIComponent(address)}`)
  }
})

it('where it cannot be said who one is, that is said, and asked for again', async () => {
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

it('the session of this device is named, and whoever ends it is signed out', async () => {
  const person = await makePerson(web.server)
  await startSessionOf(web.server, person, 'Elsewhere')
  const { page } = await open(PATHS.account, { person })
  const here = page.getByRole('listitem').filter({ hasText: 'This device' })
  await here.waitFor()
  await page.getByRole('listitem').filter({ hasText: 'Elsewhere' }).getByRole('button').click()
  await said(page, 'This device')
  await here.getByRole('button', { name: 'Sign out' }).click()
  await said(page, 'Sign in to see this')
  expect(await page.getByRole('banner').getByRole('link', { name: 'Sign in' }).count()).toBe(1)
})

const colours = {
  bg_color: '#17212b',
  secondary_bg_color: '#232e3c',
  text_color: '#f5f5f5',
  hint_color: '#b1c3d5',
}
const variable = (name: string) => `getComputedStyle(document.documentElement).getPropertyValue("--${name}")`
const signed = (more: Record<string, string> = {}) => {
  const { signature: _, ...fields } = { ...miniAppOf(), ...more }
  return initDataOf(signMiniApp(web.server.deps.telegram.token(), fields))
}

it('a launch of a Telegram that signs less signs in all the same, in all of its colours, and its own button leads back', async () => {
  const { page } = await open('/api/health', { phone: true })
  await page.addInitScript(() => {
    const posted: string[] = []
    Object.assign(globalThis, {
      posted,
      TelegramWebviewProxy: { postEvent: (name: string, data: string) => posted.push(`${name} ${data}`) },
    })
  })
  await page.goto(`${web.server.url}${launchOf(signed(), colours)}`)
  await button(page, 'Esci').waitFor()
  expect(page.url()).toBe(`${web.server.url}/`)
  expect(await page.evaluate(variable('surface'))).toBe('rgb(23 33 43)')
  expect(await page.evaluate(variable('soft'))).toBe('rgb(177 195 213)')
  const posted = async () => String(await page.evaluate('posted.join("\\n")'))
  const shown = 'web_app_setup_back_button {"is_visible":true}'
  expect(await posted()).toContain('web_app_ready')
  expect(await posted()).not.toContain(shown)
  await page.getByRole('link', { name: 'Comunità' }).click()
  await page.waitForURL(/community/)
  expect(await posted()).toContain(shown)
  await page.evaluate(() => {
    const { Telegram } = globalThis as unknown as TelegramWindow
    Telegram.WebView.receiveEvent('back_button_pressed')
  })
  await page.waitForURL(`${web.server.url}/`)
})
type TelegramWindow = { Telegram: { WebView: { receiveEvent(name: string): void } } }

it('whoever Telegram’s word does not sign in is told why, and can try again', async () => {
  const old = signed({ auth_date: String(nowSeconds() - 7 * 86_400) })
  const { page } = await open(launchOf(old, colours), { phone: true })
  await said(page, /Telegram could not sign you in. Telegram vouched for you too long ago/)
  expect(page.url()).toBe(`${web.server.url}/`)
  await takePicture(page, 'telegram-refused')
  expect(await seriousViolations(page)).toEqual([])

  const cut = await open('/api/health', { phone: true })
  await cut.page.route('**/trpc/auth.telegram*', (route) => route.abort())
  await cut.page.goto(`${web.server.url}${launchOf(signed(), colours)}`)
  await said(cut.page, /The server cannot be reached/)
  await cut.page.unroute('**/trpc/auth.telegram*')
  await button(cut.page, 'Try again').click()
  await button(cut.page, 'Sign out').waitFor()
  expect(await cut.page.getByText('Telegram could not sign you in').count()).toBe(0)
})
