import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type Board, type BoardStatus, createClient } from '../client/src'
import type { RunningServer } from '../src/server'
import { createDatabase } from './support/database'
import { startProxy } from './support/proxy'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  startTestServer,
  stopTestServers,
  testDate,
  until,
} from './support/world'

const CHANGES = process.env.PROVE === '1' ? 1000 : 150
const CUTS = 20

let servers: [RunningServer, RunningServer]
beforeAll(async () => {
  const databaseUrl = await createDatabase()
  const env = { SWEEP_SECONDS: '1', MAX_HOLDS_PER_PERSON: '1000' }
  servers = [
    await startTestServer({ databaseUrl, env, jobs: true }),
    await startTestServer({ databaseUrl, env, jobs: true }),
  ]
})
afterAll(stopTestServers)

for (const live of ['socket', 'events'] as const) {
  test(`a board watched by ${live} while its connection is cut again and again is the board of the database`, async () => {
    const space = await makeSpace(servers[0], { units: 2 })
    const proxy = await startProxy(servers.map(({ url }) => url))
    const client = createClient({ url: proxy.url, live, reconnect: { minMs: 10, maxMs: 100 } })
    let shown: { board: Board; status: BoardStatus } | undefined
    client.watchBoard(space.id, testDate, (board, status) => {
      shown = { board, status }
    })
    await until(() => shown?.status.live)
    expect(shown?.status.via).toBe(live)

    const change = await changer(space.id)
    let cuts = 0
    for (let done = 0; done < CHANGES; done += 1) {
      await change()
      if (done % Math.floor(CHANGES / CUTS) !== 0 || cuts === CUTS) continue
      await until(() => shown?.status.live)
      expect(proxy.cut()).toBeGreaterThan(0)
      await until(() => shown?.status.live === false)
      cuts += 1
      if (cuts % 5 === 0) await sameAsDatabase()
    }
    expect(cuts).toBe(CUTS)
    await sameAsDatabase()
    client.close()
    await proxy.stop()

    async function sameAsDatabase(): Promise<void> {
      const truth = await clientOf(servers[0]).slots.day.query({ spaceId: space.id, date: testDate })
      await until(() => shown?.status.live && shown.board.version === truth.version)
      expect(shown?.board).toEqual(truth)
    }
  }, 300_000)
}

/** Makes one change of a space at each call, of whatever kind, through whichever server. */
async function changer(spaceId: string): Promise<() => Promise<unknown>> {
  const people = await Promise.all(Array.from({ length: 4 }, () => makePerson(servers[0])))
  const admin = await makePerson(servers[0], 'admin')
  const held: { id: string; client: ReturnType<typeof clientOf> }[] = []
  const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)] as T
  const closures: string[] = []
  return async () => {
    const server = pick(servers)
    const dice = Math.random()
    if (dice < 0.05)
      return clientOf(server, admin).spaces.update.mutate({
        id: spaceId,
        priceMinor: 0,
        name: `Desk ${dice}`,
      })
    if (dice < 0.1) {
      const hour = Math.floor(Math.random() * 23)
      const closure = { spaceId, locationId: await locationOf(), startsAt: at(hour), endsAt: at(hour + 1) }
      closures.push((await clientOf(server, admin).closures.create.mutate(closure)).id)
      return
    }
    const closure = dice < 0.15 && closures.pop()
    if (closure) return clientOf(server, admin).closures.remove.mutate({ id: closure })
    if (dice < 0.5 && held.length > 0) {
      const [{ id, client }] = held.splice(Math.floor(Math.random() * held.length), 1) as [
        (typeof held)[number],
      ]
      return Math.random() < 0.3
        ? client.bookings.confirm.mutate({ id }).then(() => client.bookings.cancel.mutate({ id }))
        : client.bookings.cancel.mutate({ id })
    }
    const client = clientOf(server, pick(people))
    const hold = await client.bookings.create
      .mutate({ spaceId, startsAt: at(Math.floor(Math.random() * 24)) })
      // The slot is taken or closed: no change, and none to be seen.
      .catch(() => undefined)
    if (hold) held.push({ id: hold.id, client })
  }

  async function locationOf(): Promise<string> {
    return (await clientOf(servers[0]).spaces.byId.query({ id: spaceId })).locationId
  }
}
