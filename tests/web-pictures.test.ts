import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import type { Role } from '../src/actor'
import { stripeEvents } from '../src/db/schema'
import { EVENTS } from '../src/seed/community'
import { PEOPLE, SPACES, SPECIALISTS } from '../src/seed/data'
import type { RunningServer } from '../src/server'
import { webApp } from '../web/build'
import { hasBrowser } from './support/browser'
import { payInBrowser } from './support/money'
import { everyPage, type PageOfOne, seenBy } from './support/pages'
import { insertBooking } from './support/rows'
import { letPass } from './support/specialists'
import { closeBrowser, seriousViolations, takePicture, type Visit, visit } from './support/web'
import { at, clientOf, startTestServer, stopTestServers, until } from './support/world'

// Renders every page with demo data. Screenshots go to coverage/pictures; PROVE=1 covers all looks.
setDefaultTimeout(300_000)

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

/** Adds what the demo data lacks, so that no page is empty. */
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
  await fillInWork()
  await server.deps.db.insert(stripeEvents).values({
    id: 'evt_1Pgc76B7WZ01zgkWwyRHS12y',
    type: 'charge.dispute.created',
    intentId: 'pi_3Pgc76B7WZ01zgkW0cXyRHS1',
    state: 'failed',
    attempts: 4,
    error: "No such payment_intent: 'pi_3Pgc76B7WZ01zgkW0cXyRHS1'",
  })
  return { space: desks.id, specialist: SPECIALISTS[0]?.id ?? '', move: move.id, event: EVENTS[0]?.id ?? '' }
}

/** Adds a pending, a confirmed and a reviewed booking to Sam's calendar. */
async function fillInWork(): Promise<void> {
  const [sam] = SPECIALISTS
  const onRequest = sam?.services.find(({ needsApproval }) => needsApproval)
  const inRoom = sam?.services.find(({ needsRoom }) => needsRoom)
  const as = async ({ id, role }: { id: string; role: Role }) =>
    clientOf(server, { token: await server.deps.tokens.sign({ id, role }) })
  const [carla, own] = [await as(customer), await as(specialist)]
  async function ask(serviceId: string) {
    const day = { id: sam?.id ?? '', date: inDays(7), serviceId }
    const { slots } = await carla.specialists.day.query(day)
    const startsAt = slots.find(({ status }) => status === 'free')?.startsAt ?? ''
    const { id, priceMinor } = await carla.bookings.create.mutate({ serviceId, startsAt })
    if (priceMinor === 0) await carla.bookings.confirm.mutate({ id })
    else await payInBrowser(server, await carla.payments.createIntent.mutate({ bookingId: id }))
    if (priceMinor > 0) await carla.payments.confirm.mutate({ bookingId: id })
    return id
  }
  if (!onRequest || !inRoom) throw new Error('the demo specialist has no services')
  await ask(onRequest.id)
  await own.bookings.accept.mutate({ id: await ask(onRequest.id) })
  await ask(inRoom.id)
  const over = await ask(onRequest.id)
  await own.bookings.accept.mutate({ id: over })
  await letPass(server, over)
  await own.bookings.complete.mutate({ id: over })
  const review = {
    bookingId: over,
    rating: 5 as const,
    comment: 'My pitch is half as long and twice as clear. Thank you, Sam!',
  }
  const { id } = await carla.reviews.create.mutate(review)
  await own.reviews.answer.mutate({ id, answer: 'It was a pleasure. Good luck on stage.' })
}

/** The first Wednesday at least `days` ahead, when everything is open. */
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
    `every page renders without errors, overflow or axe violations: ${look}`,
    async () => {
      const visits = new Map<Role | 'visitor', Visit>()
      for (const [page, address] of everyPage(ids)) {
        const role = seenBy[page] ?? 'admin'
        const before = visits.get(role)
        const person = role === 'visitor' ? {} : { person: people[role] }
        const found = before ?? (await visit(server, address, { ...person, ...options }))
        visits.set(role, found)
        // Navigates inside the app, without a reload.
        if (before) await found.page.evaluate(`history.pushState(null, '', ${JSON.stringify(address)})`)
        await until(async () => (await found.page.getByRole('heading', { level: 1 }).count()) > 0, 15_000)
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
