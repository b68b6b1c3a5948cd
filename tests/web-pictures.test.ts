import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import type { Role } from '../src/actor'
import { stripeEvents } from '../src/db/schema'
import { PEOPLE, SPACES, SPECIALISTS } from '../src/seed/data'
import type { RunningServer } from '../src/server'
import { webApp } from '../web/build'
import { hasBrowser } from './support/browser'
import { payInBrowser } from './support/money'
import { everyPage, type PageOfOne, seenBy } from './support/pages'
import { insertBooking } from './support/rows'
import { closeBrowser, seriousViolations, takePicture, type Visit, visit } from './support/web'
import { at, clientOf, startTestServer, stopTestServers, until } from './support/world'

// Every page, with demo data, as people see it. Pictures are in coverage/pictures; PROVE=1 takes every look.
setDefaultTimeout(120_000)

let server: RunningServer
let ids: Record<PageOfOne, string>
const [admin, specialist, customer] = PEOPLE
const people: Record<Role, { id: string }> = { admin, specialist, customer }

beforeAll(async () => {
  server = await startTestServer({ queue: true, env: { SEED: 'demo' } })
  await webApp()
  ids = await fillIn()
})
afterAll(async () => {
  await closeBrowser()
  await stopTestServers()
})

const spaceOf = (kind: string) => {
  const space = SPACES.find((one) => one.kind === kind)
  if (!space) throw new Error(`no ${kind} in the demo data`)
  return space
}

/** What the demo data has none of, so that no page is shown empty. */
async function fillIn(): Promise<Record<PageOfOne, string>> {
  const [desks, room] = [spaceOf('desk'), spaceOf('meeting_room')]
  const token = await server.deps.tokens.sign({ id: admin.id, role: 'admin' })
  const client = clientOf(server, { token })
  const move = await insertBooking(server, desks, admin, { unit: 12 })
  const paid = await client.bookings.create.mutate({
    spaceId: room.id,
    startsAt: at(9, inDays(30)),
  })
  await payInBrowser(server, await client.payments.createIntent.mutate({ bookingId: paid.id }))
  await client.payments.confirm.mutate({ bookingId: paid.id })
  await client.payments.refund.mutate({ bookingId: paid.id, amountMinor: 500, reason: 'The heating was off' })
  await client.closures.create.mutate({
    locationId: room.locationId,
    spaceId: room.id,
    startsAt: at(0, inDays(30)),
    endsAt: at(24, inDays(30)),
    reason: 'New lamps',
  })
  await server.deps.db.insert(stripeEvents).values({
    id: 'evt_1Pgc76B7WZ01zgkWwyRHS12y',
    type: 'charge.dispute.created',
    intentId: 'pi_3Pgc76B7WZ01zgkW0cXyRHS1',
    state: 'failed',
    attempts: 4,
    error: "No such payment_intent: 'pi_3Pgc76B7WZ01zgkW0cXyRHS1'",
  })
  return { space: desks.id, specialist: SPECIALISTS[0]?.id ?? '', move: move.id }
}

/** A Wednesday that many days ahead or a little later, when everything is open. */
function inDays(days: number): string {
  const day = new Date(Date.now() + days * 86_400_000)
  day.setUTCDate(day.getUTCDate() + ((10 - day.getUTCDay()) % 7))
  return day.toISOString().slice(0, 10)
}

const looks = [
  { name: 'phone-dark', phone: true, dark: true, locale: 'it-IT' },
  { name: 'desk-light' },
  { name: 'phone-light', phone: true, locale: 'fr-FR' },
  { name: 'desk-dark', dark: true },
]

for (const { name: look, ...options } of process.env.PROVE === '1' ? looks : looks.slice(0, 2)) {
  test.skipIf(!hasBrowser())(
    `every page works for everyone, fits and is without an error: ${look}`,
    async () => {
      const visits = new Map<Role, Visit>()
      for (const [page, address] of everyPage(ids)) {
        const role = seenBy[page] ?? 'admin'
        const found = visits.get(role) ?? (await visit(server, '/', { person: people[role], ...options }))
        visits.set(role, found)
        await found.page.goto(`${server.url}${address}`)
        await found.page.getByRole('heading', { level: 1 }).waitFor()
        await until(async () => (await found.page.locator('[aria-busy]').count()) === 0, 15_000)
        expect([page, await seriousViolations(found.page)]).toEqual([page, []])
        const overflow = await found.page.evaluate('document.documentElement.scrollWidth - innerWidth')
        expect([page, Number(overflow) <= 0]).toEqual([page, true])
        await takePicture(found.page, `${look}/${page}`)
        expect([page, found.errors]).toEqual([page, []])
      }
      for (const { context } of visits.values()) await context.close()
    },
  )
}
