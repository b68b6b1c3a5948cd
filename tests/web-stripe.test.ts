import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { createLog } from '../src/lib/logger'
import { type StripeSandbox, startStripeSandbox } from '../src/sandbox/stripe'
import type { RunningServer } from '../src/server'
import { hasBrowser } from './support/browser'
import { createDatabase } from './support/database'
import { untilBooking } from './support/money'
import {
  boardOf,
  closeBrowser,
  createVisits,
  seriousViolations,
  slotAt,
  takePicture,
  unexpected,
} from './support/web'
import { clientOf, makePerson, makeSpace, startTestServer, stopTestServers } from './support/world'

// Stripe's script, frame and API are stubbed here. Covers loading the script, the page's content security policy, mounting,
// paying, a declined card and a script that does not load.
setDefaultTimeout(60_000)

const KEYS = {
  STRIPE_SECRET_KEY: 'sk_test_of_this_test',
  STRIPE_PUBLISHABLE_KEY: 'pk_test_of_this_test',
  STRIPE_WEBHOOK_SECRET: 'whsec_of_this_test',
}
const CARD_FRAME = `<!doctype html><html lang="en"><title>Card</title>
  <label>Card <input id="card" autocomplete="off"></label>
  <script>addEventListener('message', ({ source, origin }) => source.postMessage(card.value, origin))</script>`

let stripe: StripeSandbox
let server: RunningServer
const visits = createVisits(() => server)

beforeAll(async () => {
  stripe = await startStripeSandbox({
    databaseUrl: await createDatabase(),
    log: createLog({ level: 'silent', terminal: false }),
    secretKey: KEYS.STRIPE_SECRET_KEY,
    webhookSecret: KEYS.STRIPE_WEBHOOK_SECRET,
  })
  server = await startTestServer({ queue: true, env: { ...KEYS, STRIPE_API_URL: stripe.url } })
  stripe.setWebhookUrl(`${server.url}/webhooks/stripe`)
})
afterEach(visits.close)
afterAll(async () => {
  await closeBrowser()
  await stopTestServers()
  await stripe.stop()
})

/** Stubs Stripe for a page and records the requested addresses. */
async function standIn(page: Page, { script = true, isLost = false } = {}): Promise<string[]> {
  const asked: string[] = []
  await page.route(/^https:/, async (route) => {
    const request = route.request()
    const { origin, pathname } = new URL(request.url())
    asked.push(`${origin}${pathname}`)
    if (origin === 'https://js.stripe.com' && pathname.endsWith('.js') && script)
      return route.fulfill({ path: path.join(import.meta.dir, 'fixtures/stripe-stand-in.js') })
    if (origin === 'https://js.stripe.com' && pathname.endsWith('.html'))
      return route.fulfill({ body: CARD_FRAME, contentType: 'text/html' })
    if (origin !== 'https://api.stripe.com') return route.abort()
    const headers = {
      'access-control-allow-origin': server.url,
      'access-control-allow-headers': 'authorization, content-type',
    }
    if (request.method() === 'OPTIONS') return route.fulfill({ status: 204, headers })
    expect(await request.headerValue('authorization')).toBe(`Bearer ${KEYS.STRIPE_PUBLISHABLE_KEY}`)
    const answer = await fetch(`${stripe.url}${pathname}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${stripe.publishableKey}` },
      body: new URLSearchParams(request.postData() ?? ''),
    })
    if (isLost) return route.fulfill({ status: 500, headers, json: { error: { type: 'api_error' } } })
    return route.fulfill({
      status: answer.status,
      headers,
      contentType: 'application/json',
      body: await answer.text(),
    })
  })
  return asked
}

async function holdForPay(options: { script?: boolean; isLost?: boolean } = {}) {
  const space = await makeSpace(server, { priceMinor: 1800 })
  const person = await makePerson(server)
  const visitor = await visits.open('/api/health', { person })
  const { page } = visitor
  const asked = await standIn(page, options)
  await page.goto(`${server.url}${boardOf(space)}`)
  await slotAt(page, 9).click()
  await page.getByRole('button', { name: 'Pay €18.00' }).click()
  const { items } = await clientOf(server, person).bookings.list.query({})
  return { visitor, page, asked, booking: items[0], dialog: page.getByRole('dialog') }
}

const browser = hasBrowser()

test('the content security policy admits only Stripe, and only with keys', async () => {
  const policyOf = async ({ url }: RunningServer) =>
    (await fetch(url)).headers
      .get('content-security-policy')
      ?.split('; ')
      .filter((directive) => directive.includes('https:'))
  expect(await policyOf(server)).toEqual([
    `script-src 'self' https://js.stripe.com https://*.js.stripe.com`,
    `img-src 'self' data: https://*.stripe.com`,
    `connect-src 'self' https://api.stripe.com`,
    `frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com`,
  ])
  expect(await policyOf(await startTestServer())).toEqual([])
})

test.skipIf(!browser)(
  'the Payment Element loads, reports a declined card and books with a valid one',
  async () => {
    const { visitor, page, asked, booking, dialog } = await holdForPay()
    const card = page.frameLocator('iframe[title="Secure payment input frame"]').getByLabel('Card')
    await card.fill('pm_card_chargeDeclined')
    await dialog.getByRole('button', { name: 'Pay now' }).click()
    await page.getByText(/Your card was declined.*Your time is still reserved/).waitFor()
    expect(await seriousViolations(page)).toEqual([])
    await takePicture(page, 'stripe-declined')
    await card.fill('pm_card_visa')
    await dialog.getByRole('button', { name: 'Pay now' }).click()
    await page.getByText('Booked. See you there!').waitFor()
    const row = await untilBooking(server, String(booking?.id), ({ status }) => status === 'confirmed')
    expect(row.paidMinor).toBe(1800)
    expect([...new Set(asked.map((address) => new URL(address).origin))]).toEqual([
      'https://js.stripe.com',
      'https://api.stripe.com',
    ])
    expect(unexpected(visitor)).toEqual([])
  },
)

test.skipIf(!browser)(
  'a lost response of Stripe is checked with the server, not shown as declined',
  async () => {
    const { page, booking, dialog } = await holdForPay({ isLost: true })
    const card = page.frameLocator('iframe[title="Secure payment input frame"]').getByLabel('Card')
    await card.fill('pm_card_visa')
    await dialog.getByRole('button', { name: 'Pay now' }).click()
    await page.getByText('Booked. See you there!').waitFor()
    expect(await page.getByText(/another card/).count()).toBe(0)
    await untilBooking(server, String(booking?.id), ({ status }) => status === 'confirmed')
  },
)

test.skipIf(!browser)(
  'if Stripe’s script cannot be loaded, the error is shown and the hold remains',
  async () => {
    const { page, booking } = await holdForPay({ script: false })
    await page.getByText(/The payment form could not be loaded/).waitFor()
    expect(booking).toMatchObject({ status: 'held' })
  },
)

test.skipIf(!browser)('the page blocks scripts of any other host', async () => {
  const visitor = await visits.open('/')
  const asked = await standIn(visitor.page)
  const refused = await visitor.page.evaluate(`new Promise((resolve) => {
    document.addEventListener('securitypolicyviolation', ({ blockedURI }) => resolve(blockedURI))
    const script = document.createElement('script')
    script.src = 'https://cdn.example.com/stripe.js'
    document.head.append(script)
  })`)
  expect([refused, asked]).toEqual(['https://cdn.example.com/stripe.js', []])
})
