import { expect, setDefaultTimeout, test } from 'bun:test'
import { PATHS } from '../web/src/paths'
import { hasBrowser } from './support/browser'
import { letPass, makeSpecialist } from './support/specialists'
import { button, keepBack, said, seriousViolations, slotAt, unexpected, withWebApp } from './support/web'
import { at, clientOf, makePerson, makeSpace, testDate, until } from './support/world'

setDefaultTimeout(90_000)

const web = withWebApp()
const { open } = web

const dayOf = ({ specialist }: { specialist: { id: string } }, date = testDate) =>
  `/specialists/${specialist.id}?date=${date}`
const browser = hasBrowser()

test.skipIf(!browser)('a service goes from search, deposit and approval to balance and review', async () => {
  const made = await makeSpecialist(web.server, {
    service: { name: 'Shiatsu', priceMinor: 5000, depositMinor: 1500, needsApproval: true },
  })
  const person = await makePerson(web.server)
  const customer = await open(PATHS.specialists, { person })
  await customer.page.getByLabel('What do you need?').fill('shiatsu')
  await customer.page.getByRole('link', { name: /Shiatsu/ }).click()
  await said(customer.page, '€15.00 now, the rest later')
  await customer.page.goto(`${web.server.url}${dayOf(made)}`)
  const watcher = await open(dayOf(made))
  await slotAt(watcher.page, 9).waitFor()
  await customer.page.getByLabel(/^Note for/).fill('It is my left shoulder.')
  await slotAt(customer.page, 9).click()
  await button(customer.page, 'Pay €15.00').click()
  await button(customer.page, 'Pay now').click()
  await said(customer.page, 'Request sent. Your specialist needs to approve it.')
  await slotAt(watcher.page, 9, 'booked').waitFor()

  const specialist = await open(PATHS.work, { person: made.person })
  await said(specialist.page, 'It is my left shoulder.')
  expect(await seriousViolations(specialist.page)).toEqual([])
  await button(specialist.page, 'Accept').click()
  await said(specialist.page, 'No pending requests.')
  await said(customer.page, 'Booked. See you there!')

  await customer.page.goto(`${web.server.url}${PATHS.bookings}`)
  await button(customer.page, 'Pay balance: €35.00').click()
  await button(customer.page, 'Pay now').click()
  await said(customer.page, /€50\.00 paid/)
  const [paid] = (await clientOf(web.server, person).bookings.list.query({})).items
  if (!paid) throw new Error('there is no booking')
  expect(paid).toMatchObject({ status: 'confirmed', paidMinor: 5000, balanceDueMinor: 0 })

  await letPass(web.server, paid.id)
  const { startsAt } = await made.client.bookings.byId.query({ id: paid.id })
  await specialist.page.goto(`${web.server.url}${PATHS.work}?view=day&date=${startsAt.slice(0, 10)}`)
  await button(specialist.page, 'Mark as completed').click()
  await said(specialist.page, /^Completed$/)

  await customer.page.reload()
  await button(customer.page, 'Write a review').click()
  await customer.page.getByRole('radio', { name: '1 star' }).focus()
  for (let stars = 1; stars < 4; stars++) await customer.page.keyboard.press('ArrowRight')
  await customer.page.getByLabel(/Your review/).fill('Good hands.')
  expect(await seriousViolations(customer.page)).toEqual([])
  await button(customer.page, 'Publish').click()
  await button(customer.page, 'Edit review').waitFor()

  await specialist.page.goto(`${web.server.url}${PATHS.workReviews}`)
  await button(specialist.page, /^Reply/).click()
  await specialist.page.getByLabel(/Your reply/).fill('Come again.')
  await button(specialist.page, 'Publish').click()
  await said(specialist.page, 'Come again.')
  await watcher.page.reload()
  await said(watcher.page, 'Good hands.')
  await said(watcher.page, 'Come again.')
  expect(await made.client.specialists.byId.query({ id: made.specialist.id })).toMatchObject({
    rating: 4,
    reviewCount: 1,
  })
  expect([customer, watcher, specialist].map(unexpected)).toEqual([[], [], []])
})

test.skipIf(!browser)('the loser of a race and a declined user both learn it at once', async () => {
  const made = await makeSpecialist(web.server, { service: { needsApproval: true } })
  const [ada, ben] = [await makePerson(web.server), await makePerson(web.server)]
  const first = await open(dayOf(made), { person: ada, phone: true, dark: true })
  const second = await open(dayOf(made), { person: ben })
  await Promise.all([slotAt(first.page, 9).waitFor(), slotAt(second.page, 9).waitFor()])
  const goOn = await keepBack(second.page, '**/trpc/bookings.create*')
  await slotAt(second.page, 9).click()
  await slotAt(first.page, 9).click()
  await button(first.page, 'Book now').click()
  await said(first.page, 'Request sent. Your specialist needs to approve it.')
  goOn()
  await said(second.page, 'This time was just taken')

  const specialist = await open(PATHS.work, { person: made.person })
  await button(specialist.page, 'Decline').click()
  const asked = specialist.page.getByRole('alertdialog')
  await asked.getByRole('button', { name: 'Decline' }).click()
  await said(first.page, 'Your request was declined')
  await slotAt(second.page, 9, 'free').waitFor()
  expect(await seriousViolations(first.page)).toEqual([])
  expect([first, second, specialist].map(unexpected)).toEqual([[], [], []])
})

test.skipIf(!browser)('a declined card leaves the specialist’s time held', async () => {
  const made = await makeSpecialist(web.server, { service: { priceMinor: 4000, needsRoom: true } })
  await makeSpace(web.server, { locationId: made.locationId, kind: 'meeting_room', priceMinor: 1000 })
  const visitor = await open(dayOf(made), { person: await makePerson(web.server) })
  const { page } = visitor
  await slotAt(page, 9).click()
  await button(page, 'Pay €50.00').click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('combobox').click()
  await page.getByRole('option', { name: /is declined/ }).click()
  await button(page, 'Pay now').click()
  await said(page, /Payment failed/)
  await dialog.getByRole('combobox').click()
  await page.getByRole('option', { name: /4242/ }).click()
  await button(page, 'Pay now').click()
  await said(page, 'Booked. See you there!')
  expect(unexpected(visitor)).toEqual([])
})

test.skipIf(!browser)('a specialist cancels an upcoming booking and marks a no-show', async () => {
  const made = await makeSpecialist(web.server)
  const person = await makePerson(web.server)
  const { bookings } = clientOf(web.server, person)
  const book = async (hour: number) => {
    const { id } = await bookings.create.mutate({ serviceId: made.service.id, startsAt: at(hour) })
    return bookings.confirm.mutate({ id })
  }
  const [coming, past] = [await book(9), await book(11)]
  await letPass(web.server, past.id)
  const { startsAt } = await bookings.byId.query({ id: past.id })
  const customer = await open(PATHS.bookings, { person })
  const visitor = await open(`${PATHS.work}?view=day&date=${testDate}`, { person: made.person })
  const { page } = visitor
  await button(page, /^Cancel/).press('Enter')
  await said(page, /any payment is refunded in full/)
  await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel booking' }).press('Enter')
  await said(page, /^No bookings$/)
  await said(customer.page, 'Cancelled')
  await page.goto(`${web.server.url}${PATHS.work}?view=day&date=${startsAt.slice(0, 10)}`)
  await button(page, /^Mark as no-show/).press('Enter')
  await page.locator('.tag.no_show').waitFor()
  expect(await bookings.byId.query({ id: coming.id })).toMatchObject({ status: 'cancelled' })
  expect(await bookings.byId.query({ id: past.id })).toMatchObject({ status: 'no_show' })
  expect([customer, visitor].map(unexpected)).toEqual([[], []])
})

test.skipIf(!browser)('a specialist’s new service and time off are visible to others', async () => {
  const made = await makeSpecialist(web.server)
  const { page, ...rest } = await open(PATHS.workServices, { person: made.person })
  await button(page, 'Add service').click()
  await page.getByLabel('Name').fill('Reading of hands')
  await button(page, 'Save').click()
  await said(page, 'Reading of hands')
  await page.goto(`${web.server.url}${PATHS.workProfile}`)
  await button(page, 'Add time off').click()
  const dialog = page.getByRole('dialog', { name: 'Add time off' })
  await dialog.getByLabel('From').fill(`${testDate}T09:00`)
  await dialog.getByLabel('To', { exact: true }).fill(`${testDate}T12:00`)
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.waitFor({ state: 'hidden' })
  await page.goto(`${web.server.url}${dayOf(made)}`)
  await page.getByRole('radio', { name: 'Reading of hands' }).click()
  await slotAt(page, 9, 'closed').waitFor()
  await slotAt(page, 12, 'free').waitFor()
  expect(unexpected({ page, ...rest })).toEqual([])
})

test.skipIf(!browser)(
  'a new specialist creates a profile first, and other users have no access',
  async () => {
    const { locationId } = await makeSpace(web.server)
    const person = await makePerson(web.server, 'specialist')
    const { page } = await open(`${PATHS.work}?location=${locationId}`, { person })
    await said(page, 'No profile yet')
    await button(page, 'Save').click()
    await said(page, 'No pending requests.')
    const { items } = await clientOf(web.server).specialists.list.query({ userId: person.id })
    expect(items).toMatchObject([{ locationId }])
    const stranger = await open(PATHS.work, { person: await makePerson(web.server) })
    await said(stranger.page, 'This page is for specialists')
    const nobody = await open(PATHS.work)
    await said(nobody.page, 'Sign in to view this page')
    await until(async () => (await nobody.page.getByRole('link', { name: 'Sign in' }).count()) > 0)
  },
)
