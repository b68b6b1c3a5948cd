import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createLog, openLogFile } from '../src/lib/logger'
import { addReadings, createMetrics } from '../src/lib/metrics'
import type { RunningServer } from '../src/server'
import { sweepExpiredHolds } from '../src/services/bookings/sweep'
import { openSocket } from './support/socket'
import {
  at,
  clientOf,
  endHolds,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  testDate,
  until,
} from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(stopTestServers)

/** The value of one metric, or undefined if it is not exported. */
async function reading(line: string): Promise<number | undefined> {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  const found = text.split('\n').find((candidate) => candidate.startsWith(`${line} `))
  return found === undefined ? undefined : Number(found.slice(line.length + 1))
}

test('calls are counted by procedure and reason, and holds by outcome', async () => {
  const space = await makeSpace(server)
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const slotId = `${space.id}@${at(9)}`
  await clientOf(server, ada).slots.hold.mutate({ slotId })
  expect(await reasonOf(clientOf(server, bob).slots.hold.mutate({ slotId }))).toBe('SLOT_TAKEN')
  expect(await reasonOf(clientOf(server).slots.hold.mutate({ slotId }))).toBe('NOT_SIGNED_IN')
  expect(await reading('coworkspace_calls_total{procedure="slots.hold",reason="OK"}')).toBe(1)
  expect(await reading('coworkspace_calls_total{procedure="slots.hold",reason="SLOT_TAKEN"}')).toBe(1)
  expect(await reading('coworkspace_calls_total{procedure="slots.hold",reason="NOT_SIGNED_IN"}')).toBe(1)
  expect(await reading('coworkspace_call_seconds_count{procedure="slots.hold"}')).toBe(3)
  expect(await reading('coworkspace_holds_total{outcome="HELD"}')).toBe(1)
  expect(await reading('coworkspace_holds_total{outcome="SLOT_TAKEN"}')).toBe(1)
})

test('swept holds are counted with their delay', async () => {
  const space = await makeSpace(server)
  const person = await makePerson(server)
  await clientOf(server, person).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
  const before = (await reading('coworkspace_swept_late_seconds_count')) ?? 0
  await endHolds(server, space.id)
  const freed = await sweepExpiredHolds(server.deps)
  expect(await reading('coworkspace_swept_late_seconds_count')).toBe(before + freed)
  expect(await reading('coworkspace_swept_late_seconds_bucket{le="1"}')).toBeLessThan(before + freed)
})

test('database_up reports the state at the time of each read', async () => {
  const metrics = createMetrics()
  let answers = true
  addReadings(metrics, {
    realtime: server.deps.realtimeStats,
    bus: () => ({ published: 0, received: 0, undelivered: 0 }),
    redisUp: undefined,
    poolSize: 1,
    payments: async () => ({}),
    connections: async () => {
      if (!answers) throw new Error('the database is down')
      return [{ state: 'idle', count: 2 }]
    },
  })
  const up = async () => /^coworkspace_database_up (\d)$/m.exec(await metrics.readAll())?.[1]
  expect(await up()).toBe('1')
  answers = false
  expect(await up()).toBe('0')
  answers = true
  expect(await up()).toBe('1')
})

test('sockets, watched spaces and pool connections are exported', async () => {
  const space = await makeSpace(server)
  const socket = await openSocket(server)
  socket.send({ type: 'join_space', spaceId: space.id, date: testDate })
  await socket.next('slots_status_update')
  expect(await reading('coworkspace_sockets')).toBe(1)
  expect(await reading('coworkspace_watched_spaces')).toBe(1)
  expect(await reading('coworkspace_database_up')).toBe(1)
  expect(await reading('coworkspace_database_connections{state="active"}')).toBeGreaterThan(0)
  expect(await reading('coworkspace_redis_up')).toBeUndefined()
  await socket.close()
  await until(async () => (await reading('coworkspace_sockets')) === 0)
})

test('the log is also written to a file if configured, without secrets', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'coworkspace-logs-'))
  const log = createLog({
    level: 'info',
    terminal: false,
    file: await openLogFile(path.join(folder, 'server')),
  })
  log.info({ password: 'hunter2' }, 'a line for the file')
  const [name = ''] = await until(async () => {
    const names = await readdir(folder)
    return names.length > 0 && (await Bun.file(path.join(folder, names[0] ?? '')).text()) ? names : undefined
  })
  expect(name).toBe('server.1.log')
  const text = await Bun.file(path.join(folder, name)).text()
  expect(text).toContain('a line for the file')
  expect(text).not.toContain('hunter2')
  await rm(folder, { recursive: true })
})
