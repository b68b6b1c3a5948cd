import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Hours } from '../src/schemas/spaces'
import type { RunningServer } from '../src/server'
import { openSocket } from './support/socket'
import {
  allDay,
  at,
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  type TestClient,
  testDate,
} from './support/world'

let server: RunningServer
let admin: TestClient
beforeAll(async () => {
  server = await startTestServer()
  admin = clientOf(server, await makePerson(server, 'admin'))
})
afterAll(stopTestServers)

const open = (weekday: 1 | 2 | 3 | 4 | 5 | 6 | 7, opensAt: string, closesAt: string) => ({
  weekday,
  opensAt,
  closesAt,
})
const nine: Hours = [open(1, '09:00', '13:00'), open(1, '14:00', '18:00'), open(7, '22:00', '02:00')]

test('a location can be created, read, listed, updated and removed', async () => {
  const made = await admin.locations.create.mutate({ name: ' House ', timeZone: 'Europe/Rome', hours: nine })
  expect(made).toMatchObject({ name: 'House', timeZone: 'Europe/Rome', address: '', city: '', hours: nine })
  expect(await clientOf(server).locations.byId.query({ id: made.id })).toEqual(made)
  const changed = await admin.locations.update.mutate({
    id: made.id,
    city: 'Rome',
    hours: [open(2, '08:00', '24:00')],
  })
  expect(changed).toEqual({ ...made, city: 'Rome', hours: [open(2, '08:00', '24:00')] })
  expect(await admin.locations.update.mutate({ id: made.id })).toEqual(changed)
  expect((await clientOf(server).locations.list.query({ limit: 100 })).items).toContainEqual(changed)
  expect(await admin.locations.remove.mutate({ id: made.id })).toEqual({ ok: true })
  const gone = [
    clientOf(server).locations.byId.query({ id: made.id }),
    admin.locations.update.mutate({ id: made.id, city: 'Rome' }),
    admin.locations.remove.mutate({ id: made.id }),
    admin.spaces.create.mutate({ locationId: made.id, name: 'Desk', kind: 'desk' }),
    admin.closures.create.mutate({ locationId: made.id, startsAt: at(9), endsAt: at(10) }),
  ]
  expect(new Set(await Promise.all(gone.map(reasonOf)))).toEqual(new Set(['NOT_FOUND']))
  expect(
    (await clientOf(server).locations.list.query({ limit: 100 })).items.map(({ id }) => id),
  ).not.toContain(made.id)
})

const wrongHours: [why: string, hours: unknown[]][] = [
  ['overlap on one day', [open(1, '09:00', '13:00'), open(1, '12:59', '18:00')]],
  ['overlap past midnight', [open(1, '22:00', '02:00'), open(2, '01:00', '05:00')]],
  ['overlap from Sunday into Monday', [open(7, '22:00', '02:00'), open(1, '01:00', '05:00')]],
  ['are repeated', [open(1, '09:00', '13:00'), open(1, '09:00', '13:00')]],
  ['last 24 hours, into the next opening', [open(1, '09:00', '09:00'), open(2, '08:00', '10:00')]],
  ['have an unknown weekday', [{ weekday: 8, opensAt: '09:00', closesAt: '10:00' }]],
  ['have an impossible time', [open(1, '24:00', '10:00')]],
  ['are not zero-padded', [open(1, '9:00', '10:00')]],
]
test.each(wrongHours)('hours that %s are refused, and nothing changes', async (_, hours) => {
  const space = await makeSpace(server)
  const input = { id: space.locationId, name: 'Another name', hours: hours as Hours }
  expect(await reasonOf(admin.locations.update.mutate(input))).toBe('VALIDATION')
  expect(await reasonOf(admin.spaces.update.mutate({ id: space.id, hours: hours as Hours }))).toBe(
    'VALIDATION',
  )
  expect(await clientOf(server).locations.byId.query({ id: space.locationId })).toMatchObject({
    name: 'House',
    hours: allDay,
  })
})

test('adjacent hours, a week of whole days and no hours are accepted', async () => {
  const input = { name: 'House', timeZone: 'UTC' }
  const touching = [open(7, '22:00', '02:00'), open(1, '02:00', '05:00'), open(1, '05:00', '06:00')]
  for (const hours of [touching, allDay, []])
    expect((await admin.locations.create.mutate({ ...input, hours })).hours).toHaveLength(hours.length)
})

test.each(['Mars/Olympus', 'Europe/Nowhere', '+02:00', '', 'Europe/Rome\0'])(
  '%p is refused as a time zone',
  async (timeZone) => {
    expect(await reasonOf(admin.locations.create.mutate({ name: 'House', timeZone, hours: [] }))).toBe(
      'VALIDATION',
    )
  },
)

test('new hours and a new time zone reach watchers and apply to the next hold', async () => {
  const space = await makeSpace(server)
  const watcher = await openSocket(server)
  watcher.send({ type: 'join_space', spaceId: space.id, date: testDate })
  const { version } = await watcher.next('slots_status_update')
  await admin.locations.update.mutate({ id: space.locationId, hours: [open(1, '10:00', '12:00')] })
  const after = await watcher.next('slots_status_update', (board) => board.version > version)
  expect(after.slots.map(({ startsAt }) => startsAt)).toEqual([at(10), at(11)])
  const ada = clientOf(server, await makePerson(server))
  expect(await reasonOf(ada.slots.hold.mutate({ slotId: `${space.id}@${at(9)}` }))).toBe('SLOT_CLOSED')
  await admin.locations.update.mutate({ id: space.locationId, timeZone: 'Asia/Kolkata' })
  const moved = await watcher.next('slots_status_update', (board) => board.version > after.version)
  expect(moved.slots[0]?.startsAt).toBe('2027-01-04T04:30:00Z')
  expect(moved.timeZone).toBe('Asia/Kolkata')
  await watcher.close()
})

test('a location with an active booking cannot be removed', async () => {
  const space = await makeSpace(server)
  const ada = clientOf(server, await makePerson(server))
  const hold = await ada.slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
  expect(await reasonOf(admin.locations.remove.mutate({ id: space.locationId }))).toBe('INVALID_STATE')
  expect(await clientOf(server).spaces.byId.query({ id: space.id })).toEqual(space)
  await ada.bookings.cancel.mutate({ id: hold.id })
  await admin.locations.remove.mutate({ id: space.locationId })
  expect(await reasonOf(clientOf(server).spaces.byId.query({ id: space.id }))).toBe('NOT_FOUND')
  expect(await reasonOf(clientOf(server).slots.day.query({ spaceId: space.id, date: testDate }))).toBe(
    'NOT_FOUND',
  )
  expect(await ada.bookings.byId.query({ id: hold.id })).toMatchObject({ status: 'cancelled' })
})

test('paging through a list returns each item once', async () => {
  for (let made = 0; made < 5; made++)
    await admin.locations.create.mutate({ name: `L${made}`, timeZone: 'UTC', hours: [] })
  const all = (await clientOf(server).locations.list.query({ limit: 100 })).items.map(({ id }) => id)
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await clientOf(server).locations.list.query({ limit: 2, cursor })
    expect(page.items.length).toBeLessThanOrEqual(2)
    seen.push(...page.items.map(({ id }) => id))
    cursor = page.nextCursor ?? undefined
  } while (cursor)
  expect(seen).toEqual(all)
})
