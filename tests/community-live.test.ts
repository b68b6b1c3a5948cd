import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { ServerMessage } from '../src/realtime/events'
import type { RunningServer } from '../src/server'
import type { CheckIn } from '../src/shapes/checkIns'
import type { Event } from '../src/shapes/events'
import { type Random, randomFrom, sized } from './support/proof'
import { openSocket } from './support/socket'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  type TestPerson,
  until,
} from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ jobs: true, env: { SWEEP_SECONDS: '1', DATABASE_POOL: '20' } })
})
afterAll(stopTestServers)

type Follower = {
  state: { version: number; checkIns: CheckIn[]; events: Event[] } | undefined
  cuts: number
  missed: number
  close(): Promise<void>
}

/**
 * Follows a location as the contract tells a client to, through connections that are cut and messages that are lost: each
 * push carries one half whole and moves the version by one; a version that does not follow means joining again.
 */
function follow(locationId: string, random: Random, token?: string): Follower {
  const follower: Follower = { state: undefined, cuts: 0, missed: 0, close: async () => undefined }
  let ended = false

  function hear(message: ServerMessage, join: () => void): void {
    const { state } = follower
    if (message.type === 'initial') {
      const { version, checkIns, events } = message
      if (!state || version >= state.version) follower.state = { version, checkIns, events }
      return
    }
    if (message.type !== 'check_ins' && message.type !== 'events' && message.type !== 'location_version')
      return
    if (!state || message.version <= state.version) return
    if (message.type === 'location_version' || message.version !== state.version + 1) {
      follower.missed += 1
      join()
    } else if (message.type === 'check_ins') {
      follower.state = { ...state, version: message.version, checkIns: message.present }
    } else {
      follower.state = { ...state, version: message.version, events: message.events }
    }
  }

  async function watch(): Promise<void> {
    while (!ended) {
      const socket = await openSocket(server, token)
      const join = () => socket.send({ type: 'join_location', locationId })
      join()
      let heard = 0
      let open = true
      void socket.closed.then(() => {
        open = false
      })
      while (open && !ended) {
        const message = socket.received[heard]
        if (!message) {
          await Bun.sleep(1)
          continue
        }
        heard += 1
        if (message.type !== 'initial' && random.chance(0.03)) continue
        hear(message, join)
        if (message.type !== 'location_version' && random.chance(0.02)) {
          follower.cuts += 1
          await socket.close()
        }
      }
      if (open) await socket.close()
    }
  }

  const watching = watch()
  follower.close = async () => {
    ended = true
    await watching
  }
  return follower
}

/** One thing that somebody may do at a location, chosen at random. */
async function doSomething(random: Random, person: TestPerson, here: { locationId: string; other: string }) {
  const client = clientOf(server, person)
  const { locationId } = here
  const { items } = await client.events.list.query({ locationId, limit: 100 })
  const event = items.length > 0 ? random.pick(items) : undefined
  const hour = random.below(20)
  const time = { startsAt: at(hour), endsAt: at(hour + 2) }
  const id = event?.id ?? ''
  const acts: (() => Promise<unknown>)[] = [
    () => client.checkIns.checkIn.mutate({ locationId: random.chance(0.8) ? locationId : here.other }),
    () => client.checkIns.checkIn.mutate({ locationId, note: `Note ${random.below(100)}` }),
    () => client.checkIns.checkOut.mutate(),
    () => client.auth.update.mutate({ hidden: random.chance(0.5) }),
    () => client.auth.update.mutate({ name: `Name ${random.below(1000)}` }),
    () =>
      client.events.create.mutate({
        locationId,
        title: `Event ${random.below(1000)}`,
        visibility: random.pick(['public', 'members'] as const),
        capacity: random.pick([null, 1, 2, 3]),
        ...time,
      }),
    () => client.events.attend.mutate({ id }),
    () => client.events.attend.mutate({ id }),
    () => client.events.leave.mutate({ id }),
    () => client.events.update.mutate({ id, ...time }),
    () => client.events.update.mutate({ id, capacity: random.pick([null, 2, 4]) }),
    () => client.events.remove.mutate({ id }),
  ]
  return reasonOf(random.pick(acts)())
}

test('a location that is watched through cut connections during random changes equals the database at the end', async () => {
  const random = randomFrom('a location, live')
  const [{ locationId }, { locationId: other }] = [await makeSpace(server), await makeSpace(server)]
  const people = await Promise.all(Array.from({ length: 12 }, () => makePerson(server)))
  const member = await makePerson(server)
  const watchers = [follow(locationId, random, member.token), follow(locationId, random)]
  await until(() => watchers.every(({ state }) => state))

  const reasons = new Map<string, number>()
  await Promise.all(
    Array.from({ length: 6 }, async () => {
      while ((reasons.get('was not refused') ?? 0) < sized(150, 1000)) {
        const reason = await doSomething(random, random.pick(people), { locationId, other })
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
      }
    }),
  )
  const unexpected = ['was not refused', 'NOT_FOUND', 'NOT_ALLOWED', 'VALIDATION', 'INVALID_STATE']
  expect([...reasons.keys()].filter((reason) => !unexpected.includes(reason))).toEqual([])

  const [{ version } = { version: 0 }] = await server.deps.db.query.locations.findMany({
    where: (location, { eq }) => eq(location.id, locationId),
  })
  const client = clientOf(server, member)
  const truth = {
    checkIns: (await client.checkIns.present.query({ locationId, limit: 100 })).items,
    events: (await client.events.list.query({ locationId, limit: 100 })).items,
  }
  for (const watcher of watchers) await until(() => watcher.state?.version === version)
  const [forMember, forAnyone] = watchers.map(({ state }) => state)
  expect(forMember).toEqual({ version, ...truth })
  expect(forAnyone).toEqual({
    version,
    checkIns: truth.checkIns.map((checkIn) => ({ ...checkIn, person: null, note: null })),
    events: truth.events.filter(({ visibility }) => visibility === 'public'),
  })
  const cuts = watchers.reduce((sum, watcher) => sum + watcher.cuts, 0)
  const missed = watchers.reduce((sum, watcher) => sum + watcher.missed, 0)
  process.stdout.write(`${version - 1} changes, ${cuts} cuts, ${missed} times joined again\n`)
  expect(cuts).toBeGreaterThan(0)
  await Promise.all(watchers.map((watcher) => watcher.close()))
}, 120_000)

test('a socket that has left a location hears no more of it, and one that never can join is told so', async () => {
  const { locationId } = await makeSpace(server)
  const ada = await makePerson(server)
  const socket = await openSocket(server, ada.token)
  socket.send({ type: 'join_location', locationId: Bun.randomUUIDv7(), requestId: 'nowhere' })
  expect(await socket.next('error')).toMatchObject({ reason: 'NOT_FOUND', requestId: 'nowhere' })
  socket.send({ type: 'join_location', locationId, requestId: 'join' })
  expect(await socket.next('initial')).toMatchObject({
    locationId,
    requestId: 'join',
    checkIns: [],
    events: [],
  })
  socket.send({ type: 'leave_location', locationId, requestId: 'leave' })
  expect(await socket.next('left_location')).toMatchObject({ locationId, requestId: 'leave' })
  await clientOf(server, ada).checkIns.checkIn.mutate({ locationId })
  socket.send({ type: 'join_location', locationId, requestId: 'again' })
  await socket.next('initial', ({ checkIns }) => checkIns.length === 1)
  expect(socket.received.filter(({ type }) => type === 'check_ins')).toEqual([])
  await socket.close()
})

test('the sweep tells each watched location’s version, so a lost message is noticed', async () => {
  const { locationId } = await makeSpace(server)
  const socket = await openSocket(server)
  socket.send({ type: 'join_location', locationId })
  const { version } = await socket.next('initial')
  expect(await socket.next('location_version')).toMatchObject({ locationId, version })
  await socket.close()
})
