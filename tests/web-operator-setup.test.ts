import { beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { PATHS } from '../web/src/paths'
import { hasBrowser } from './support/browser'
import { insertBooking } from './support/rows'
import { button, choose, said, seriousViolations, unexpected, withWebApp } from './support/web'
import { at, clientOf, makePerson, makeSpace, type TestPerson, testDate, until } from './support/world'

setDefaultTimeout(60_000)

const web = withWebApp()
let admin: TestPerson
beforeAll(async () => {
  admin = await makePerson(web.server, 'admin')
})
const open = (address: string) => web.open(address, { person: admin })
const it = test.skipIf(!hasBrowser())

it('a closure reports remaining bookings and blocks new ones', async () => {
  const space = await makeSpace(web.server, { name: 'Sala Verdi' })
  await insertBooking(web.server, space, await makePerson(web.server))
  const visitor = await open(`${PATHS.operatorClosures}?location=${space.locationId}`)
  const { page } = visitor
  await button(page, 'Add closure').press('Enter')
  await choose(page, 'Space', 'Sala Verdi')
  await page.getByLabel('Reason').fill('New lamps')
  await page.getByLabel('From').fill(`${testDate}T08:00`)
  await page.getByLabel('To', { exact: true }).fill(`${testDate}T12:00`)
  await button(page, 'Save').press('Enter')
  await said(page, '1 booking remains in this period.')
  await page.getByRole('article').getByText('New lamps').waitFor()
  const { slots } = await clientOf(web.server).slots.day.query({ spaceId: space.id, date: testDate })
  expect(slots.filter(({ status }) => status === 'closed').map(({ startsAt }) => startsAt)).toEqual([
    at(8),
    at(9),
    at(10),
    at(11),
  ])
  await button(page, 'Reopen').press('Enter')
  await said(page, 'No closures.')
  expect(unexpected(visitor)).toEqual([])
})

it('locations and spaces can be created, edited and removed by keyboard', async () => {
  const visitor = await open(PATHS.operatorLocations)
  const { page } = visitor
  const client = clientOf(web.server, admin)
  const name = `Officina ${Bun.randomUUIDv7()}`
  await button(page, 'Add location').press('Enter')
  const field = page.getByLabel('Name')
  await field.fill('   ')
  await button(page, 'Save').press('Enter')
  await page.getByRole('alert').waitFor()
  await said(page, 'This value is not valid.')
  expect(await field.evaluate((element) => element.matches(':focus'))).toBe(true)
  expect(await seriousViolations(page)).toEqual([])
  await field.fill(name)
  await choose(page, 'Time zone', 'Europe/Rome')
  await page.keyboard.press('Escape')
  await said(page, 'Discard changes?')
  await button(page, 'Go back').press('Enter')
  await page.getByRole('alertdialog').waitFor({ state: 'detached' })
  await button(page, 'Save').press('Enter')
  await said(page, 'Saved.')
  const { items } = await client.locations.list.query({ limit: 100 })
  const location = items.find((one) => one.name === name)
  expect(location).toMatchObject({ timeZone: 'Europe/Rome' })

  await page.goto(`${web.server.url}${PATHS.operatorSpaces}?location=${location?.id}`)
  await button(page, 'Add space').press('Enter')
  await page.getByLabel('Name').fill('Sala Rossa')
  await choose(page, 'Type', 'Meeting room')
  await page.getByLabel('Price per slot').fill('12.5')
  await page.getByRole('checkbox', { name: 'Custom opening hours' }).press('Space')
  await page.getByLabel('Monday, Opens').fill('10:00')
  await button(page, 'Add Cancellation policy').press('Enter')
  await page.getByLabel('Minimum hours before start').last().fill('2')
  await page.getByLabel('Refund (%)').last().fill('80')
  await button(page, 'Save').press('Enter')
  await said(page, /€12.50 for 1/)
  const spaces = await client.spaces.list.query({ locationId: String(location?.id) })
  expect(spaces.items).toMatchObject([
    {
      priceMinor: 1250,
      // The form starts with the default terms of the API.
      cancellation: [
        { hoursBefore: 24, refundPercent: 100 },
        { hoursBefore: 2, refundPercent: 80 },
      ],
    },
  ])
  expect(spaces.items[0]?.hours?.find(({ weekday }) => weekday === 1)).toMatchObject({ opensAt: '10:00' })

  await button(page, 'Edit Sala Rossa').press('Enter')
  await page.getByLabel('Name').fill('Sala Blu')
  await button(page, 'Save').press('Enter')
  await button(page, 'Remove Sala Blu').press('Enter')
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).press('Enter')
  await said(page, 'No spaces found.')

  await page.goto(`${web.server.url}${PATHS.operatorLocations}`)
  await button(page, `Remove ${name}`).press('Enter')
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).press('Enter')
  await until(async () => {
    const left = await client.locations.list.query({ limit: 100 })
    return left.items.every(({ id }) => id !== location?.id)
  })
  await button(page, 'Add location').waitFor()
  await button(page, `Remove ${name}`).waitFor({ state: 'detached' })
  expect(unexpected(visitor)).toEqual([])
})

it('closing a form asks first only if something was typed', async () => {
  const { page } = await open(PATHS.operatorLocations)
  const form = page.getByRole('dialog')
  await button(page, 'Add location').press('Enter')
  await page.keyboard.press('Escape')
  await form.waitFor({ state: 'detached' })
  await button(page, 'Add location').press('Enter')
  await page.getByLabel('City').fill('Milano')
  await form.getByRole('button', { name: 'Close' }).press('Enter')
  await page.getByRole('alertdialog').getByRole('button', { name: 'Discard' }).press('Enter')
  await form.waitFor({ state: 'detached' })
  await button(page, 'Add location').press('Enter')
  expect(await page.getByLabel('City').inputValue()).toBe('')
})

it('a role changes only after confirmation', async () => {
  const person = await makePerson(web.server)
  const { name } = await clientOf(web.server, person).auth.me.query()
  const visitor = await open(PATHS.operatorPeople)
  const { page } = visitor
  const role = async () => (await clientOf(web.server, person).auth.me.query()).role
  await page.getByLabel('Search by name or email').fill(person.email)
  await choose(page, `Role: ${name}`, 'Operator')
  await said(page, `Change the role of ${name} to Operator?`)
  await button(page, 'Go back').press('Enter')
  await page.getByRole('alertdialog').waitFor({ state: 'detached' })
  expect(await role()).toBe('customer')
  await choose(page, `Role: ${name}`, 'Operator')
  await button(page, 'Change role').press('Enter')
  await said(page, 'Saved.')
  expect(await role()).toBe('admin')
  expect(unexpected(visitor)).toEqual([])
})

it('a location with bookings cannot be removed, and the reason is shown', async () => {
  const space = await makeSpace(web.server)
  await clientOf(web.server, await makePerson(web.server)).bookings.create.mutate({
    spaceId: space.id,
    startsAt: at(9),
  })
  const client = clientOf(web.server, admin)
  const { name } = await client.locations.update.mutate({
    id: space.locationId,
    name: `Bottega ${Bun.randomUUIDv7()}`,
  })
  const visitor = await open(PATHS.operatorLocations)
  const { page } = visitor
  await button(page, `Remove ${name}`).press('Enter')
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).press('Enter')
  await said(page, 'There are active holds or bookings here. Cancel them first.')
  await button(page, `Remove ${name}`).waitFor()
  expect(await client.locations.byId.query({ id: space.locationId })).toMatchObject({ name })
  expect(unexpected(visitor)).toEqual([])
})

it('an operator creates a specialist with a service for a user with that role', async () => {
  const { locationId } = await makeSpace(web.server)
  const { id: userId } = await makePerson(web.server, 'specialist')
  const visitor = await open(`${PATHS.operatorSpecialists}?location=${locationId}`)
  const { page } = visitor
  await button(page, 'Add specialist').press('Enter')
  await page.getByLabel('Name').fill('Dr. Verdi')
  await page.getByLabel('About').fill('Backs and necks.')
  await button(page, 'Save').press('Enter')
  await said(page, 'Backs and necks.')
  await button(page, /Add service/).press('Enter')
  await page.getByLabel('Name').fill('Massage')
  await page.getByLabel('Price', { exact: true }).fill('45')
  await page.getByRole('checkbox', { name: 'Requires approval' }).press('Space')
  await page.getByLabel('Hours to approve').fill('12')
  await button(page, 'Save').press('Enter')
  await said(page, /€45.00 · Requires approval/)
  const client = clientOf(web.server)
  const [specialist] = (await client.specialists.list.query({ locationId })).items
  expect(specialist).toMatchObject({ name: 'Dr. Verdi', userId })
  expect((await client.services.list.query({ specialistId: specialist?.id })).items).toMatchObject([
    { name: 'Massage', priceMinor: 4500, needsApproval: true, answerHours: 12 },
  ])
  expect(unexpected(visitor)).toEqual([])
})
