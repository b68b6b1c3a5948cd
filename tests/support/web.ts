import { afterAll, afterEach, beforeAll } from 'bun:test'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import type { RunningServer } from '../../src/server'
import { webApp } from '../../web/build'
import { password, startSessionOf } from './accounts'
import { CHROMIUM } from './browser'
import { at, startTestServer, stopTestServers, testDate } from './world'

/** Screenshots of the last run, ignored by git. */
const PICTURES = path.resolve(import.meta.dir, '../../coverage/pictures')

let browser: Promise<Browser> | undefined

export async function closeBrowser(): Promise<void> {
  await (await browser)?.close()
  browser = undefined
}

type Visitor = {
  /** The signed-in user; none by default. */
  person?: { id: string }
  phone?: boolean
  dark?: boolean
  locale?: string
}

export type Visit = { page: Page; context: BrowserContext; errors: string[] }

/** Opens a page in a fresh browser context. Console errors and exceptions are added to `errors`. */
export async function visit(server: RunningServer, address: string, visitor: Visitor = {}): Promise<Visit> {
  const { person, phone = false, dark = false, locale = 'en-GB' } = visitor
  browser ??= chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  })
  const kept = person
    ? [{ name: 'coworkspace', value: JSON.stringify(await startSessionOf(server, person)) }]
    : []
  const context = await (await browser).newContext({
    viewport: phone ? { width: 390, height: 844 } : { width: 1200, height: 800 },
    colorScheme: dark ? 'dark' : 'light',
    locale,
    storageState: { cookies: [], origins: [{ origin: server.url, localStorage: kept }] },
  })
  const page = await context.newPage()
  const errors: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text())
  })
  page.on('pageerror', (error) => errors.push(error.message))
  await page.goto(`${server.url}${address}`)
  return { page, context, errors }
}

/** Console errors except those that the browser logs for 4xx responses. */
export const unexpected = ({ errors }: Visit): string[] =>
  errors.filter((text) => !/^Failed to load resource: .* status of 4\d\d/.test(text))

type Violation = { id: string; impact?: string | null; nodes: { html: string }[] }

/** Serious and critical accessibility violations found by axe. */
export async function seriousViolations(page: Page): Promise<string[]> {
  const axe = Bun.resolveSync('axe-core/axe.min.js', import.meta.dir)
  await page.evaluate(await Bun.file(axe).text())
  const violations = await page.evaluate(
    async () => (await (globalThis as unknown as Axe).axe.run()).violations,
  )
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .slice(0, 2)
          .map(({ html }) => html)
          .join('\n')}`,
    )
}
type Axe = { axe: { run(): Promise<{ violations: Violation[] }> } }

export async function takePicture(page: Page, name: string): Promise<void> {
  const file = path.join(PICTURES, `${name}.png`)
  await mkdir(path.dirname(file), { recursive: true })
  await page.screenshot({ path: file, fullPage: true })
}

/** Bytes transferred for the page and its resources, compressed. */
export async function receivedBytes(page: Page): Promise<number> {
  const sizes = await page.evaluate(() =>
    performance
      .getEntries()
      .map((entry) =>
        'transferSize' in entry && typeof entry.transferSize === 'number' ? entry.transferSize : 0,
      ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Registers a server with the web app for a test file, and closes browsers after each test. */
export function withWebApp() {
  let started: RunningServer | undefined
  function server(): RunningServer {
    if (!started) throw new Error('the server is not started before the first test')
    return started
  }
  beforeAll(async () => {
    started = await startTestServer({ queue: true })
    await webApp()
  })
  const { open, close } = createVisits(server)
  afterEach(close)
  afterAll(async () => {
    await closeBrowser()
    await stopTestServers()
  })
  return {
    open,
    get server() {
      return server()
    },
  }
}

/** Opens visits and closes them together, for `afterEach`. */
export function createVisits(serverOf: () => RunningServer) {
  const visits: Visit[] = []
  return {
    async open(address: string, visitor?: Visitor): Promise<Visit> {
      const opened = await visit(serverOf(), address, visitor)
      opened.page.setDefaultTimeout(15_000)
      visits.push(opened)
      return opened
    },
    async close(): Promise<void> {
      for (const { context } of visits.splice(0)) await context.close()
    },
  }
}

export const said = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor()
export const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).first()

export const boardOf = (space: { id: string }, date = testDate) => `/spaces/${space.id}?date=${date}`
/** The slot that starts at an hour, with the look given if any. */
export const slotAt = (page: Page, hour: number, look?: string) =>
  page.locator(`${look ? `.${look}` : ''}[data-slot="${at(hour)}"]`)

/** Fills in the sign-in form and submits it. */
export async function signIn(page: Page, { email }: { email: string }): Promise<void> {
  await page.getByLabel('Email').fill(email)
  await page.getByLabel('Password').fill(password)
  await page.keyboard.press('Enter')
}

/** Delays a page's requests to an address. @returns a function that releases them */
export async function keepBack(page: Page, address: string): Promise<() => void> {
  const wait = Promise.withResolvers<void>()
  await page.route(address, async (route) => {
    await wait.promise
    await route.continue()
  })
  return wait.resolve
}

/** Presses a button and returns the downloaded file. */
export async function downloaded(page: Page, name: string | RegExp): Promise<{ name: string; text: string }> {
  const download = page.waitForEvent('download')
  await button(page, name).press('Enter')
  const file = await download
  return { name: file.suggestedFilename(), text: await Bun.file(await file.path()).text() }
}

export async function choose(page: Page, label: string, option: string | RegExp): Promise<void> {
  await page.getByRole('combobox', { name: label }).press('Enter')
  await page.getByRole('option', { name: option }).click()
}
