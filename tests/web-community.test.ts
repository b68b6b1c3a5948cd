import { expect, setDefaultTimeout, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { PATHS } from '../web/src/paths'
import { makeAccount } from './support/accounts'
import { hasBrowser } from './support/browser'
import {
  button,
  choose,
  downloaded,
  said,
  seriousViolations,
  signIn,
  takePicture,
  unexpected,
  withWebApp,
} from './support/web'
import { at, clientOf, makePerson, makeSpace, testDate, until } from './support/world'

setDefaultTimeout(60_000)

const web = withWebApp()
const { open } = web
const it = test.skipIf(!hasBrowser())
const communityOf = (locationId: string) => `${PATHS.community}?location=${locationId}`

it('other users see an event appear, fill up and disappear live', async () => {
  const { locationId } = await makeSpace(web.server, { name: 'The Loft' })
  const host = await open(communityOf(locationId), { person: await makePerson(web.server) })
  const guest = await open(communityOf(locationId), { person: await makePerson(web.server), phone: true })
  await button(host.page, 'Create event').press('Enter')
  await host.page.getByLabel('Title').fill('Aperitivo')
  await host.page.getByLabel('Description').fill('Bring a friend.')
  await host.page.getByLabel('From').fill(`${testDate}T18:00`)
  await host.page.getByLabel('To', { exact: true }).fill(`${testDate}T20:00`)
  await choose(host.page, 'Space', 'The Loft')
  await host.page.getByLabel('Seats').fill('2')
  expect(await seriousViolations(host.page)).toEqual([])
  await button(host.page, 'Save').press('Enter')

  await said(guest.page, '1 of 2 seats taken')
  await button(guest.page, /Attend/).press('Enter')
  await said(guest.page, 'You are attending')
  await said(host.page, '2 of 2 seats taken')

  const third = await open(communityOf(locationId), { person: await makePerson(web.server) })
  await button(third.page, /Join the waitlist/).press('Enter')
  await said(third.page, 'You are on the waitlist')
  await button(guest.page, /Leave event/).press('Enter')
  await said(third.page, 'You are attending')

  await host.page.getByRole('link', { name: 'Aperitivo' }).press('Enter')
  await button(host.page, 'Edit').press('Enter')
  await host.page.getByLabel('Title').fill('Long aperitivo')
  await button(host.page, 'Save').press('Enter')
  await said(third.page, 'Long aperitivo')
  await third.page.getByRole('link', { name: 'Long aperitivo' }).press('Enter')
  await button(third.page, /Leave event/).waitFor()
  await button(host.page, 'Cancel event').press('Enter')
  await host.page.getByRole('alertdialog').getByRole('button', { name: 'Cancel event' }).press('Enter')
  await said(third.page, 'Not found')
  await said(host.page, 'No upcoming events.')
  expect([host, guest, third].map(unexpected)).toEqual([[], [], []])
})

it('a checked-in user is visible to others until they check out', async () => {
  const { locationId } = await makeSpace(web.server)
  const [ada, ben] = [await makePerson(web.server), await makePerson(web.server)]
  const first = await open(communityOf(locationId), { person: ada })
  const second = await open(communityOf(locationId), { person: ben })
  await said(second.page, 'No one is checked in.')
  const passer = await open(communityOf(locationId))
  await said(passer.page, '0 people are here.')
  await first.page.getByLabel(/Note to others/).fill('By the window')
  await button(first.page, 'Check in').press('Enter')
  const { name } = await clientOf(web.server, ada).auth.me.query()
  await said(second.page, name)
  await said(second.page, /By the window/)
  await said(passer.page, '1 person is here.')
  expect(await passer.page.getByText(name).count()).toBe(0)
  // An anonymous user still sees their own name and can check out.
  await clientOf(web.server, ada).auth.update.mutate({ hidden: true })
  await said(second.page, 'Anonymous')
  await first.page.reload()
  await said(first.page, name)
  await button(first.page, 'Check out').press('Enter')
  await said(second.page, 'No one is checked in.')
  expect([first, second, passer].map(unexpected)).toEqual([[], [], []])
})

it('the door code checks in, also after signing in, and reports an expired code', async () => {
  const { locationId } = await makeSpace(web.server)
  const admin = clientOf(web.server, await makePerson(web.server, 'admin'))
  const { code } = await admin.checkIns.doorCode.query({ id: locationId })
  const ada = await makePerson(web.server)
  const visitor = await open(`${PATHS.checkIn}#${code}`, { person: ada, phone: true })
  await said(visitor.page, 'You are checked in. Welcome!')
  await button(visitor.page, 'Check out').waitFor()
  expect(new URL(visitor.page.url()).hash).toBe('')
  await visitor.page.goto(`${web.server.url}${PATHS.checkIn}#nonsense`)
  await said(visitor.page, 'This code has expired.')

  const grace = await makeAccount(web.server)
  const stranger = await open(`${PATHS.checkIn}#${code}`, { phone: true })
  await stranger.page.getByRole('main').getByRole('link', { name: 'Sign in' }).press('Enter')
  await signIn(stranger.page, grace)
  await said(stranger.page, 'You are checked in. Welcome!')
  const { name } = await clientOf(web.server, grace).auth.me.query()
  await said(stranger.page, name)
  expect([visitor, stranger].map(unexpected)).toEqual([[], []])
})

it('a door screen shows the code without signing in until its address is replaced', async () => {
  const { locationId } = await makeSpace(web.server)
  const operator = await open(`${PATHS.operatorDoor}?location=${locationId}`, {
    person: await makePerson(web.server, 'admin'),
  })
  await button(operator.page, 'Create new address').press('Enter')
  const address = await operator.page.getByLabel('Screen address').inputValue()
  const { pathname, hash } = new URL(address)
  const screen = await open(`${pathname}${hash}`)
  const { name } = await clientOf(web.server).locations.byId.query({ id: locationId })
  await screen.page.getByRole('img', { name: `QR code at the door of ${name}` }).waitFor()
  expect(await screen.page.getByRole('navigation').count()).toBe(0)
  expect(await seriousViolations(screen.page)).toEqual([])
  await takePicture(screen.page, 'door-screen')
  await button(operator.page, 'Create new address').press('Enter')
  await until(async () => (await operator.page.getByLabel('Screen address').inputValue()) !== address)
  await screen.page.reload()
  await said(screen.page, 'This screen is no longer active.')
  expect([operator, screen].map(unexpected)).toEqual([[], []])
})

it('the organiser sees the attendees, and attendees can download the event', async () => {
  const { locationId } = await makeSpace(web.server)
  const [ada, ben] = [await makePerson(web.server), await makePerson(web.server)]
  const { id } = await clientOf(web.server, ada).events.create.mutate({
    locationId,
    title: 'Soup for all',
    startsAt: at(10),
    endsAt: at(12),
  })
  const host = await open(`/events/${id}`, { person: ada })
  await host.page.getByRole('heading', { name: 'Attendees' }).waitFor()
  const guest = await open(`/events/${id}`, { person: ben })
  await button(guest.page, /Attend/).press('Enter')
  const { name } = await clientOf(web.server, ben).auth.me.query()
  await said(host.page, name)
  expect(await guest.page.getByRole('heading', { name: 'Attendees' }).count()).toBe(0)
  expect(await downloaded(guest.page, /Add to calendar/)).toEqual({
    name: 'event.ics',
    text: expect.stringContaining('SUMMARY:Soup for all'),
  })
  expect([host, guest].map(unexpected)).toEqual([[], []])
})

it('a paid seat is held, paid and given up, with the refund shown first', async () => {
  const { locationId } = await makeSpace(web.server)
  const host = clientOf(web.server, await makePerson(web.server, 'admin'))
  const { id } = await host.events.create.mutate({
    locationId,
    title: 'Workshop',
    startsAt: at(10),
    endsAt: at(12),
    priceMinor: 3000,
    cancellation: [{ hoursBefore: 24, refundPercent: 50 }],
  })
  const visitor = await open(`/events/${id}`, { person: await makePerson(web.server) })
  const { page } = visitor
  await said(page, '50% refund until 24 hours before the start.')
  await button(page, /Book a seat for €30.00/).press('Enter')
  await said(page, 'Your seat is held until you pay')
  await page.goto(`${web.server.url}${PATHS.bookings}`)
  await page
    .getByRole('article')
    .filter({ hasText: 'Workshop' })
    .getByRole('link', { name: 'Continue booking' })
    .press('Enter')
  await button(page, /Pay €30.00/).press('Enter')
  await button(page, 'Pay now').press('Enter')
  await said(page, 'You are attending')
  await page.goto(`${web.server.url}${PATHS.bookings}`)
  await button(page, 'Cancel Workshop').waitFor()
  expect(await page.getByRole('link', { name: 'Reschedule' }).count()).toBe(0)
  await page.goto(`${web.server.url}/events/${id}`)
  await button(page, /Leave event/).press('Enter')
  await said(page, 'You will be refunded €15.00.')
  await page.getByRole('alertdialog').getByRole('button', { name: 'Leave event' }).press('Enter')
  await button(page, /Book a seat for/).waitFor()
  expect(await host.events.byId.query({ id })).toMatchObject({ attending: 1, held: 0 })
  expect(unexpected(visitor)).toEqual([])
})

it('every event can be reached by paging and from its notification', async () => {
  const { locationId } = await makeSpace(web.server)
  const host = clientOf(web.server, await makePerson(web.server, 'admin'))
  const events = await Promise.all(
    Array.from({ length: 51 }, (_, index) =>
      host.events.create.mutate({
        locationId,
        title: `Talk ${index + 1}`,
        startsAt: at(10 + index),
        endsAt: at(11 + index),
        capacity: 1,
      }),
    ),
  )
  const ben = await makePerson(web.server)
  const visitor = await open(communityOf(locationId), { person: ben })
  const { page } = visitor
  await said(page, 'Talk 50')
  await button(page, 'Show more').press('Enter')
  await said(page, 'Talk 51')
  const id = events[50]?.id ?? ''
  await clientOf(web.server, ben).events.attend.mutate({ id })
  await host.events.leave.mutate({ id })
  await page.goto(`${web.server.url}${PATHS.notifications}`)
  await page.getByRole('link', { name: /View event/ }).press('Enter')
  await page.getByRole('heading', { name: 'Talk 51', level: 1 }).waitFor()
  await button(page, /Leave event/).waitFor()
  expect(unexpected(visitor)).toEqual([])
})

it('editing an event keeps untouched times, and events cannot be reviewed', async () => {
  const { locationId } = await makeSpace(web.server, { timeZone: 'Europe/Rome' })
  const [ada, ben] = [await makePerson(web.server), await makePerson(web.server)]
  const host = clientOf(web.server, ada)
  // 02:30 occurs twice that night; this is the second.
  const times = { startsAt: '2027-10-31T01:30:15Z', endsAt: '2027-10-31T03:00:00Z' }
  const { id } = await host.events.create.mutate({ locationId, title: 'Late', priceMinor: 500, ...times })
  const { bookingId } = await clientOf(web.server, ben).events.attend.mutate({ id })
  const maker = await open(`/events/${id}`, { person: ada })
  await button(maker.page, 'Edit').press('Enter')
  await maker.page.getByLabel('Title').fill('Later')
  await button(maker.page, 'Save').press('Enter')
  await maker.page.getByRole('heading', { name: 'Later', level: 1 }).waitFor()
  expect(await host.events.byId.query({ id })).toMatchObject({ title: 'Later', ...times })

  for (const status of ['confirmed', 'completed'])
    await web.server.deps.db.execute(sql`
      UPDATE bookings SET status = ${status}, starts_at = now() - interval '3 hours', ends_at = now() - interval '1 hour',
        claimed = tstzrange(now() - interval '3 hours', now() - interval '1 hour') WHERE id = ${bookingId}`)
  const guest = await open(PATHS.bookings, { person: ben })
  await guest.page.getByText('Completed').waitFor()
  expect(await button(guest.page, /review/i).count()).toBe(0)
  expect([maker, guest].map(unexpected)).toEqual([[], []])
})

it('a closure reports its bookings and events, each event once', async () => {
  const space = await makeSpace(web.server, { units: 3 })
  const { locationId } = space
  const person = await makePerson(web.server, 'admin')
  const host = clientOf(web.server, person)
  for (const spaceId of [space.id, null])
    await host.events.create.mutate({ locationId, title: 'Talk', startsAt: at(10), endsAt: at(12), spaceId })
  await host.slots.hold.mutate({ slotId: `${space.id}@${at(15)}` })
  const operator = await open(`${PATHS.operatorClosures}?location=${locationId}`, { person })
  await button(operator.page, 'Add closure').press('Enter')
  await operator.page.getByLabel('From').fill(`${testDate}T08:00`)
  await operator.page.getByLabel('To', { exact: true }).fill(`${testDate}T23:00`)
  await button(operator.page, 'Save').press('Enter')
  await said(operator.page, '1 booking remains in this period. 2 events take place in this period.')
  expect(unexpected(operator)).toEqual([])
})
