import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { chromium, type Page } from 'playwright-core'

export const CHROMIUM = '/usr/bin/chromium'

/** Whether Chromium is installed. If not, prints how to install it; the test is skipped. */
export function hasBrowser(): boolean {
  const found = existsSync(CHROMIUM)
  if (!found) process.stderr.write('skipped: Chromium not found; apt-get install chromium\n')
  return found
}

/** A page's requests to other hosts, and its errors. */
export type Seen = { elsewhere: string[]; errors: string[] }

/** Opens a page in Chromium and runs `run` on it. */
export async function inBrowser(url: string, run: (page: Page) => Promise<void>): Promise<Seen> {
  const profile = await mkdtemp(path.join(tmpdir(), 'chromium-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  })
  try {
    const page = await context.newPage()
    const seen: Seen = { elsewhere: [], errors: [] }
    const { host } = new URL(url)
    page.on('request', (request) => {
      const address = new URL(request.url())
      if (address.protocol !== 'data:' && address.protocol !== 'blob:' && address.host !== host)
        seen.elsewhere.push(address.href)
    })
    page.on('console', (message) => {
      if (message.type() === 'error') seen.errors.push(`${message.text()} ${message.location().url}`)
    })
    page.on('pageerror', (error) => seen.errors.push(error.message))
    await page.goto(url)
    await run(page)
    return seen
  } finally {
    await context.close()
    await rm(profile, { recursive: true, force: true })
  }
}
