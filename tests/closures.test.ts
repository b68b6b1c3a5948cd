import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import type { RunningServer } from '../src/server'
import { makeEvent } from './support/events'
import { openSocket } from './support/socket'
import {
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

const statuses = async (spaceId: string) =>
  (await clientOf(server).slots.day.query({ spaceId, date: testDate })).slots.map(({ status }) => status)

test('a closure closes its slots, returns the affected bookings and cancels nothing', async () => {
  const space = await makeSpace(server, { units: 2 })
  const ada = clientOf(server, await makePerson(server))
  const booked = await ada.slots.hold.mutate({ slotId: `${space.id}@${at(10)}` })
  const outside = await ada.slots.hold.mutate({ slotId: `${space.id}@${at(12)}` })
  const { standing, ...closure } = await admin.closures.create.mutate({
    locationId: space.locationId,
    spaceId: space.id,
    startsAt: at(9.5),
    endsAt: at(12),
    reason: 'Painting',
  })
  expect(closure).toMatchObject({ spaceId: space.id, startsAt: at(9.5), endsAt: at(12), reason: 'Painting' })
  expect(standing).toEqual([booked])
  expect((await statuses(space.id)).slice(8, 14)).toEqual([
    'free',
    'closed',
    'closed',
    'closed',
    'free',
    'free',
  ])
  expect(await ada.bookings.confirm.mutate({ id: booked.id })).toMatchObject({ status: 'confirmed' })
  expect(await ada.bookings.byId.query({ id: outside.id })).toMatchObject({ status: 'held' })
  const bob = clientOf(server, await makePerson(server))
  for (const hour of [9, 10, 11])
    expect(await reasonOf(bob.slots.hold.mutate({ slotId: `${space.id}@${at(hour)}` }))).toBe('SLOT_CLOSED')
  expect(await reasonOf(ada.bookings.reschedule.mutate({ id: outside.id, startsAt: at(9) }))).toBe(
    'SLOT_CLOSED',
  )
})

test('a closure of a location returns its overlapping events without a space', async () => {
  const space = await makeSpace(server)
  const { locationId } = space
  const ada = await makePerson(server)
  const make = (from: number, to: number, settings = {}) =>
    makeEvent(server, ada, { locationId, startsAt: at(from), endsAt: at(to), ...settings })
  const [hidden, open] = [await make(9, 11, { visibility: 'members' }), await make(12, 13)]
  const inRoom = await make(10, 11, { spaceId: space.id })
  await make(7, 9)
  await make(14, 15)
  await makeEvent(server, ada, { startsAt: at(10), endsAt: at(11) })
  const period = { startsAt: at(9), endsAt: at(14) }
  const { id, standing, events } = await admin.closures.create.mutate({ locationId, ...period })
  expect(events.map((event) => event.id)).toEqual([hidden.id, open.id])
  expect(standing.map(({ eventId }) => eventId)).toEqual([inRoom.id])
  expect((await admin.closures.update.mutate({ id, startsAt: at(11) })).events).toMatchObject([
    { id: open.id },
  ])
  const ofSpace = await admin.closures.create.mutate({ locationId, spaceId: space.id, ...period })
  expect([ofSpace.standing.length, ofSpace.events]).toEqual([1, []])
  expect(await clientOf(server).events.byId.query({ id: open.id })).toMatchObject({ attending: 1 })
})

test('a closure closes all spaces of its location, or only the one it names', async () => {
  const one = await makeSpace(server)
  const two = await makeSpace(server, { locationId: one.locationId })
  const elsewhere = await makeSpace(server)
  const closed = async () => Promise.all([one, two, elsewhere].map(async ({ id }) => (await statuses(id))[9]))
  const period = { startsAt: at(9), endsAt: at(10) }
  const ofSpace = await admin.closures.create.mutate({
    locationId: one.locationId,
    spaceId: one.id,
    ...period,
  })
  expect(await closed()).toEqual(['closed', 'free', 'free'])
  await admin.closures.remove.mutate({ id: ofSpace.id })
  const whole = await admin.closures.create.mutate({ locationId: one.locationId, ...period })
  expect(whole.spaceId).toBeNull()
  expect(await closed()).toEqual(['closed', 'closed', 'free'])
  await admin.closures.update.mutate({ id: whole.id, endsAt: at(9.5), startsAt: at(8) })
  expect((await statuses(two.id)).slice(7, 11)).toEqual(['free', 'closed', 'closed', 'free'])
  expect(await admin.closures.remove.mutate({ id: whole.id })).toEqual({ ok: true })
  expect(await closed()).toEqual(['free', 'free', 'free'])
  expect(await reasonOf(admin.closures.remove.mutate({ id: whole.id }))).toBe('NOT_FOUND')
  expect(await reasonOf(admin.closures.update.mutate({ id: whole.id, reason: 'x' }))).toBe('NOT_FOUND')
})

test('watchers see a closure begin and end', async () => {
  const space = await makeSpace(server)
  const watcher = await openSocket(server)
  watcher.send({ type: 'join_space', spaceId: space.id, date: testDate })
  const first = await watcher.next('slots_status_update')
  const { id } = await admin.closures.create.mutate({
    locationId: space.locationId,
    startsAt: at(9),
    endsAt: at(10),
  })
  const closed = await watcher.next('slots_status_update', ({ version }) => version > first.version)
  expect(closed.slots[9]).toMatchObject({ status: 'closed', reason: 'SLOT_CLOSED', free: 0 })
  await admin.closures.remove.mutate({ id })
  const opened = await watcher.next('slots_status_update', ({ version }) => version > closed.version)
  expect(opened.slots[9]).toMatchObject({ status: 'free', reason: null, free: 1 })
  await watcher.close()
})

test('a closure with an invalid period or a space of another location is refused', async () => {
  const [space, other] = [await makeSpace(server), await makeSpace(server)]
  const create = (input: object) =>
    reasonOf(
      admin.closures.create.mutate({
        locationId: space.locationId,
        startsAt: at(9),
        endsAt: at(10),
        ...input,
      }),
    )
  expect(await create({ endsAt: at(9) })).toBe('VALIDATION')
  expect(await create({ endsAt: at(8) })).toBe('VALIDATION')
  expect(await create({ spaceId: other.id })).toBe('NOT_FOUND')
  expect(await create({ locationId: Bun.randomUUIDv7() })).toBe('NOT_FOUND')
  const { id } = await admin.closures.create.mutate({
    locationId: space.locationId,
    startsAt: at(9),
    endsAt: at(10),
  })
  expect(await reasonOf(admin.closures.update.mutate({ id, endsAt: at(8) }))).toBe('VALIDATION')
  expect(await reasonOf(admin.closures.update.mutate({ id, startsAt: at(10) }))).toBe('VALIDATION')
})

test('closures are listed by location until they end', async () => {
  const space = await makeSpace(server)
  const create = (hour: number) =>
    admin.closures.create.mutate({ locationId: space.locationId, startsAt: at(hour), endsAt: at(hour + 1) })
  const [current, over] = [await create(9), await create(10)]
  const listed = async () =>
    (await clientOf(server).closures.list.query({ locationId: space.locationId })).items.map(({ id }) => id)
  expect(await listed()).toEqual([current.id, over.id])
  await server.deps.db.execute(
    sql`UPDATE closures SET starts_at = now() - interval '2 hours', ends_at = now() - interval '1 hour' WHERE id = ${over.id}`,
  )
  expect(await listed()).toEqual([current.id])
})

test('no hold is made inside a closure that was created before it', async () => {
  const space = await makeSpace(server, { units: 5 })
  const people = await Promise.all(Array.from({ length: 5 }, () => makePerson(server)))
  const holds = people.map((person) =>
    reasonOf(clientOf(server, person).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })),
  )
  const closing = admin.closures.create.mutate({
    locationId: space.locationId,
    startsAt: at(9),
    endsAt: at(10),
  })
  const [outcomes, { standing }] = await Promise.all([Promise.all(holds), closing])
  expect(outcomes.filter((outcome) => outcome === 'was not refused')).toHaveLength(standing.length)
  expect(outcomes.every((outcome) => ['was not refused', 'SLOT_CLOSED'].includes(outcome))).toBe(true)
})
