import { afterAll, beforeAll, expect, test } from 'bun:test'
import { REASONS, type Reason } from '../src/errors'
import { procedures } from '../src/routers'
import type { RunningServer } from '../src/server'
import { callRest, callTrpc, openapiOf } from './support/doors'
import { CALLERS, makeRolesWorld, ROLES } from './support/roles'
import { startTestServer, stopTestServers } from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ queue: true })
})
afterAll(stopTestServers)

const statusOf = (given: string) => (given === 'ok' ? 200 : REASONS[given as Reason][1])

test('the roles table has one row for each procedure and no others', () => {
  expect(Object.keys(ROLES).sort()).toEqual(Object.keys(procedures).sort())
})

for (const [path, procedure] of Object.entries(procedures)) {
  const row = ROLES[path]
  if (!row) continue
  const [answers, makeInput] = row
  const expected = CALLERS.map((caller, index) => {
    const reason = answers[index] ?? 'INTERNAL'
    return { caller, reason, status: statusOf(reason) }
  })

  test(`${path} over tRPC gives each caller the outcome in the table`, async () => {
    const world = await makeRolesWorld(server)
    const given = []
    for (const caller of CALLERS) {
      const answer = await callTrpc(server, path, await makeInput(world), world.callers[caller])
      given.push({ caller, ...answer })
    }
    expect(given).toEqual(expected)
  })

  if (!openapiOf(procedure)) continue
  test(`${path} over REST gives each caller the outcome in the table`, async () => {
    const world = await makeRolesWorld(server)
    const given = []
    for (const caller of CALLERS) {
      const input = Object(await makeInput(world))
      given.push({ caller, ...(await callRest(server, path, input, world.callers[caller])) })
    }
    expect(given).toEqual(expected)
  })
}

test('every procedure except subscriptions has a REST path', () => {
  const unreachable = Object.entries(procedures).filter(
    ([, procedure]) => procedure._def.type !== 'subscription' && !openapiOf(procedure),
  )
  expect(unreachable.map(([path]) => path)).toEqual([])
})
