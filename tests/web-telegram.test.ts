import { expect, setDefaultTimeout, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { PATHS } from '../web/src/paths'
import { makeAccount, newEmail, password } from './support/accounts'
import { hasBrowser } from './support/browser'
import { initDataOf, launchOf, miniAppOf, nowSeconds, signMiniApp } from './support/telegram'
import { button, said, seriousViolations, signIn, takePicture, unexpected, withWebApp } from './support/web'
import { clientOf, makePerson } from './support/world'

setDefaultTimeout(90_000)

const web = withWebApp()
const { open } = web
const it = test.skipIf(!hasBrowser())

const dark = {
  bg_color: '#17212b',
  secondary_bg_color: '#232e3c',
  text_color: '#f5f5f5',
  hint_color: '#708499',
  link_color: '#6ab3f3',
  button_color: '#5288c1',
  button_text_color: '#ffffff',
}
const variable = (name: string) => `getComputedStyle(document.documentElement).getPropertyValue("--${name}")`

/** Launch data signed with this server's bot token. */
const signed = (fields = miniAppOf()) => initDataOf(signMiniApp(web.server.deps.telegram.token(), fields))

/** Sends an event to the page as Telegram does. */
async function tell(page: Page, name: string, event?: unknown): Promise<void> {
  await page.evaluate(
    ([what, more]) => (globalThis as unknown as TelegramWindow).Telegram.WebView.receiveEvent(what, more),
    [name, event] as const,
  )
}
type TelegramWindow = { Telegram: { WebView: { receiveEvent(name: string, event: unknown): void } } }

it('a Mini App signs in once per launch and uses Telegram’s language and theme', async () => {
  const visitor = await open(launchOf(signed(), dark), { phone: true })
  const { page } = visitor
  await said(page, 'Trova il tuo spazio')
  await page.getByRole('button', { name: 'Esci' }).waitFor()
  expect(page.url()).not.toContain('tgWebAppData')
  expect(await page.evaluate(variable('surface'))).toBe('rgb(23 33 43)')
  expect(await seriousViolations(page)).toEqual([])
  await takePicture(page, 'telegram')
  const theme_params = {
    ...dark,
    bg_color: '#ffffff',
    secondary_bg_color: '#f1f1f1',
    text_color: '#000000',
  }
  await tell(page, 'theme_changed', { theme_params })
  await page.waitForFunction(`${variable('surface')} === 'rgb(255 255 255)'`)
  expect(await seriousViolations(page)).toEqual([])
  await page.goto(`${web.server.url}${PATHS.account}`)
  await said(page, 'Collegato: Ada Lovelace')
  await said(page, 'Questo dispositivo')
  expect(await page.getByRole('button', { name: 'Esci da lì' }).count()).toBe(0)
  expect(unexpected(visitor)).toEqual([])
})

it('an older Telegram signs in too, and its back button works', async () => {
  const { page } = await open('/api/health', { phone: true })
  await page.addInitScript(() => {
    const posted: string[] = []
    Object.assign(globalThis, {
      posted,
      TelegramWebviewProxy: { postEvent: (name: string, data: string) => posted.push(`${name} ${data}`) },
    })
  })
  const { signature: _, ...less } = miniAppOf()
  const colours = { ...dark, hint_color: '#b1c3d5' }
  await page.goto(`${web.server.url}${launchOf(signed(less), colours)}`)
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
  await tell(page, 'back_button_pressed')
  await page.waitForURL(`${web.server.url}/`)
})

it('a Mini App user can set a first password and unlink Telegram', async () => {
  const visitor = await open(launchOf(signed(), dark), { phone: true })
  const { page } = visitor
  await said(page, 'Trova il tuo spazio')
  await page.goto(`${web.server.url}${PATHS.account}`)
  await said(page, 'Dopo aver impostato e-mail e password potrai scollegarlo.')
  const taken = (await makePerson(web.server)).email
  const email = page.getByLabel('E-mail', { exact: true })
  await email.fill(taken)
  await page.getByLabel('Nuova password').fill(password)
  await email.press('Enter')
  await page.getByRole('alert').waitFor()
  expect(await seriousViolations(page)).toEqual([])
  const mine = newEmail()
  await email.fill(mine)
  await email.press('Enter')
  await page.getByLabel('Password attuale').waitFor()
  await button(page, 'Scollega').press('Enter')
  await page.getByRole('alertdialog').getByRole('button', { name: 'Scollega' }).press('Enter')
  await button(page, 'Collega Telegram').waitFor()
  const signedIn = await clientOf(web.server).auth.login.mutate({ email: mine, password })
  expect(signedIn.user.name).toBe('Ada Lovelace')
  expect(unexpected(visitor)).toEqual([])
})

it('launch data with a wrong signature are ignored, and normal sign-in works', async () => {
  const initData = initDataOf(signMiniApp('1:another-token', miniAppOf()))
  const visitor = await open(launchOf(initData, dark))
  await visitor.page.getByRole('link', { name: 'Sign in' }).waitFor()
  expect(unexpected(visitor)).toEqual([])
})

it('a failed Telegram sign-in shows the reason and can be retried', async () => {
  const old = signed(miniAppOf(undefined, { auth_date: String(nowSeconds() - 7 * 86_400) }))
  const { page } = await open(launchOf(old, dark), { phone: true })
  await said(page, /Telegram could not sign you in. Your Telegram session has expired/)
  expect(page.url()).toBe(`${web.server.url}/`)
  await takePicture(page, 'telegram-refused')
  expect(await seriousViolations(page)).toEqual([])

  const cut = await open('/api/health', { phone: true })
  await cut.page.route('**/trpc/auth.telegram*', (route) => route.abort())
  await cut.page.goto(`${web.server.url}${launchOf(signed(), dark)}`)
  await said(cut.page, /Cannot reach the server/)
  await cut.page.unroute('**/trpc/auth.telegram*')
  await button(cut.page, 'Try again').click()
  await button(cut.page, 'Sign out').waitFor()
  expect(await cut.page.getByText('Telegram could not sign you in').count()).toBe(0)
})

it('an account is linked to Telegram by a code for the bot', async () => {
  const account = await makeAccount(web.server)
  const visitor = await open(`${PATHS.signIn}?then=${PATHS.account}`)
  const { page } = visitor
  await signIn(page, account)
  await button(page, 'Link Telegram').click()
  const code = /\/start (\S+?)”/.exec((await page.getByText(/\/start/).textContent()) ?? '')?.[1]
  expect(code).toBeTruthy()
  await clientOf(web.server, account).auth.linkTelegram.mutate({ initData: signed() })
  await said(page, /Linked: Ada Lovelace/)
  await button(page, 'Unlink').click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Unlink' }).click()
  await button(page, 'Link Telegram').waitFor()
  expect(unexpected(visitor)).toEqual([])
})
