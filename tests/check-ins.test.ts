import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { checkIns } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { readCommunity } from '../src/services/calendar/change-location'
import { openAtLocation } from './support/socket'
import {
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  type TestPerson,
} from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ queue: true })
})
afterAll(stopTestServers)

async function namesAt(locationId: string, person: TestPerson): Promise<(string | null)[]> {
  const { items } = await clientOf(server, person).checkIns.present.query({ locationId })
  return items.map(({ person }) => person?.name ?? null)
}

test('a user is checked in at one location at a time', async () => {
  const [here, there] = [await makeSpace(server), await makeSpace(server)]
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const client = clientOf(server, ada)
  const first = await client.checkIns.checkIn.mutate({ locationId: here.locationId, note: 'By the window' })
  expect(first).toMatchObject({ locationId: here.locationId, person: { id: ada.id }, note: 'By the window' })
  const again = await client.checkIns.checkIn.mutate({ locationId: here.locationId })
  expect(again).toEqual(first)

  await client.checkIns.checkIn.mutate({ locationId: there.locationId })
  expect(await namesAt(here.locationId, bob)).toHaveLength(0)
  expect(await namesAt(there.locationId, bob)).toHaveLength(1)
  expect(await client.checkIns.checkOut.mutate()).toEqual({ ok: true })
  expect(await namesAt(there.locationId, bob)).toHaveLength(0)
  expect(await reasonOf(client.checkIns.checkOut.mutate())).toBe('NOT_FOUND')
})

test('concurrent check-ins of one user leave one, and the database refuses two', async () => {
  const places = await Promise.all([1, 2, 3].map(() => makeSpace(server)))
  const ada = await makePerson(server)
  const client = clientOf(server, ada)
  await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      client.checkIns.checkIn.mutate({ locationId: places[index % 3]?.locationId ?? '' }),
    ),
  )
  const rows = await server.deps.db.select().from(checkIns).where(eq(checkIns.userId, ada.id))
  expect(rows.filter(({ until }) => until === null)).toHaveLength(1)
  const second = server.deps.db
    .insert(checkIns)
    .values({ userId: ada.id, locationId: places[0]?.locationId ?? '', way: 'hand' })
  expect(await second.then(() => 'accepted').catch(() => 'refused')).toBe('refused')
})

test('a hidden user is counted but not named from the moment they hide', async () => {
  const { locationId } = await makeSpace(server)
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const watcher = await openAtLocation(server, locationId, bob.token)
  const client = clientOf(server, ada)
  await client.checkIns.checkIn.mutate({ locationId, note: 'Room 3' })
  const seen = await watcher.next('check_ins')
  expect(seen.present).toMatchObject([{ person: { id: ada.id }, note: 'Room 3' }])
  await client.auth.update.mutate({ hidden: true })
  const unseen = await watcher.next('check_ins', ({ version }) => version === seen.version + 1)
  expect(unseen.present).toMatchObject([{ person: null, note: null }])
  expect(await namesAt(locationId, bob)).toEqual([null])
  expect((await client.checkIns.present.query({ locationId })).mine).toMatchObject({ person: { id: ada.id } })
  expect(JSON.stringify(unseen)).not.toContain(ada.id)
  await watcher.close()
})

test('hiding fails as a whole if it cannot be published, and can be repeated', async () => {
  const { locationId } = await makeSpace(server)
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const client = clientOf(server, ada)
  await client.checkIns.checkIn.mutate({ locationId })
  // The change cannot be published if the version of the location cannot be raised.
  await server.deps.db.execute(sql`
    CREATE FUNCTION refuse_version() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.id = ${sql.raw(`'${locationId}'`)} THEN RAISE 'not now'; END IF; RETURN NEW; END $$;
    CREATE TRIGGER refuse_version BEFORE UPDATE ON locations FOR EACH ROW EXECUTE FUNCTION refuse_version()`)
  expect(await reasonOf(client.auth.update.mutate({ hidden: true }))).toBe('INTERNAL')
  await server.deps.db.execute(sql`DROP TRIGGER refuse_version ON locations; DROP FUNCTION refuse_version()`)
  expect((await client.auth.me.query()).hidden).toBe(false)
  const watcher = await openAtLocation(server, locationId, bob.token)
  await client.auth.update.mutate({ hidden: true })
  expect((await watcher.next('check_ins')).present).toMatchObject([{ person: null }])
  await watcher.close()
})

test('ids are case-insensitive for check-ins and watchers', async () => {
  const { locationId } = await makeSpace(server)
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const lower = await openAtLocation(server, locationId, bob.token)
  const upper = await openAtLocation(server, locationId.toUpperCase(), bob.token)
  const client = clientOf(server, ada)
  const first = await client.checkIns.checkIn.mutate({ locationId: locationId.toUpperCase() })
  expect(await client.checkIns.checkIn.mutate({ locationId })).toEqual(first)
  for (const socket of [lower, upper]) {
    expect((await socket.next('check_ins')).present).toMatchObject([{ person: { id: ada.id } }])
    await socket.close()
  }
})

test('repeating a check-in without a change raises no version', async () => {
  const { locationId } = await makeSpace(server)
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const client = clientOf(server, ada)
  await client.checkIns.checkIn.mutate({ locationId, note: 'By the window' })
  const { version } = await readCommunity(server.deps.db, locationId)
  await client.checkIns.checkIn.mutate({ locationId, note: 'By the window' })
  await client.checkIns.checkIn.mutate({ locationId })
  await client.auth.update.mutate({ hidden: false })
  expect((await readCommunity(server.deps.db, locationId)).version).toBe(version)
  await client.checkIns.checkIn.mutate({ locationId, note: 'At the bar' })
  expect(await readCommunity(server.deps.db, locationId, bob.id)).toMatchObject({
    version: version + 1,
    checkIns: [{ note: 'At the bar' }],
  })
})

test('a signed-out watcher gets only the number of check-ins until they sign in', async () => {
  const { locationId } = await makeSpace(server)
  const ada = await makePerson(server)
  await clientOf(server, ada).checkIns.checkIn.mutate({ locationId })
  const socket = await openAtLocation(server, locationId)
  expect((await socket.next('initial')).checkIns).toMatchObject([{ person: null }])
  const bob = await makePerson(server)
  await clientOf(server, bob).checkIns.checkIn.mutate({ locationId })
  expect((await socket.next('check_ins')).present.map(({ person }) => person)).toEqual([null, null])
  expect(JSON.stringify(socket.received)).not.toContain(bob.id)

  socket.send({ type: 'authenticate', token: ada.token })
  const named = await socket.next('initial', ({ checkIns }) => checkIns.some(({ person }) => person !== null))
  expect(named.checkIns.map(({ person }) => person?.id)).toEqual([ada.id, bob.id])
  await clientOf(server, bob).checkIns.checkOut.mutate()
  const after = await socket.next('check_ins', ({ version }) => version === named.version + 1)
  expect(after.present).toMatchObject([{ person: { id: ada.id } }])
  const updates = socket.received.filter((m) => m.type === 'check_ins' && m.version === after.version)
  expect(updates).toHaveLength(1)
  await socket.close()
})

test('deleting an account ends its check-in, and the export lists check-ins', async () => {
  const { locationId } = await makeSpace(server)
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const client = clientOf(server, ada)
  await client.checkIns.checkIn.mutate({ locationId })
  const exported = await client.auth.exportMe.query()
  expect(exported.checkIns).toMatchObject([{ locationId, until: null }])
  const watcher = await openAtLocation(server, locationId, bob.token)
  await client.auth.deleteMe.mutate()
  expect((await watcher.next('check_ins')).present).toEqual([])
  expect(await server.deps.db.select().from(checkIns).where(eq(checkIns.userId, ada.id))).toEqual([])
  await watcher.close()
})
