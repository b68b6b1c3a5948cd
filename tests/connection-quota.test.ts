import { afterAll, expect, test } from 'bun:test'
import { TIERS } from '../src/lib/rate-limits'
import { upgrade } from './support/raw'
import { openSocket } from './support/socket'
import { makePerson, startTestServer, stopTestServers, until } from './support/world'

afterAll(stopTestServers)

const limited = (env: Record<string, string>) =>
  startTestServer({ env: { RATE_LIMITS: 'on', TRUST_PROXY: 'loopback', ...env } })
const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })

test('an address opens at most SOCKETS_PER_ADDRESS sockets at a time', async () => {
  const server = await limited({ SOCKETS_PER_ADDRESS: '3' })
  const open = [1, 2, 3].map(() => upgrade(server, from('192.0.2.1')))
  const [first] = await Promise.all(open)
  for (const { status } of await Promise.all(open)) expect(status).toBe(101)
  const refused = await upgrade(server, from('192.0.2.1'))
  expect(refused.status).toBe(429)
  expect(Number(refused.header('retry-after'))).toBeGreaterThan(0)
  expect((await upgrade(server, from('192.0.2.2'))).status).toBe(101)
  first?.socket.destroy()
  await until(async () => (await upgrade(server, from('192.0.2.1'))).status === 101)
  expect((await upgrade(server, from('192.0.2.1'))).status).toBe(429)
})

test('a user opens at most SOCKETS_PER_PERSON sockets over all addresses', async () => {
  const server = await limited({ SOCKETS_PER_PERSON: '2' })
  const { token } = await makePerson(server)
  const open = (address: string) => upgrade(server, { path: `/realtime?token=${token}`, ...from(address) })
  expect((await open('192.0.2.1')).status).toBe(101)
  expect((await open('192.0.2.2')).status).toBe(101)
  expect((await open('192.0.2.3')).status).toBe(429)
  expect((await upgrade(server, from('192.0.2.3'))).status).toBe(101)
})

test('a socket that authenticates late counts towards the limit of its user', async () => {
  const server = await limited({ SOCKETS_PER_PERSON: '2' })
  const { token } = await makePerson(server)
  const sockets = await Promise.all([1, 2, 3].map(() => openSocket(server)))
  let asked = 0
  const authenticate = async (socket = sockets[0]) => {
    const requestId = String(asked++)
    socket?.send({ type: 'authenticate', token, requestId })
    const answer = await until(() =>
      socket?.received.find((message) => 'requestId' in message && message.requestId === requestId),
    )
    return 'reason' in answer ? answer.reason : answer.type
  }
  expect(await authenticate(sockets[0])).toBe('authenticated')
  expect(await authenticate(sockets[1])).toBe('authenticated')
  expect(await authenticate(sockets[2])).toBe('RATE_LIMITED')
  // Authenticating again on the same socket does not count twice.
  expect(await authenticate(sockets[0])).toBe('authenticated')
  await sockets[1]?.close()
  await until(async () => (await authenticate(sockets[2])) === 'authenticated')
})

test('an address that keeps reopening sockets gets 429 with Retry-After', async () => {
  const server = await limited({})
  const { countSocket } = server.deps.limits
  for (let opened = 0; opened < TIERS.socket.points; opened++)
    await countSocket({ address: '192.0.2.1', allowance: null })
  const refused = await upgrade(server, from('192.0.2.1'))
  expect(refused.status).toBe(429)
  expect(Number(refused.header('retry-after'))).toBeWithin(1, TIERS.socket.seconds + 1)
  expect((await upgrade(server, from('192.0.2.2'))).status).toBe(101)
})

test('a dead socket is closed after the idle time, and a listening one stays open', async () => {
  const server = await startTestServer({ env: { SOCKET_IDLE_SECONDS: '8' } })
  const listening = await openSocket(server)
  // This socket is open but does not even answer pings.
  const opened = performance.now()
  const { socket } = await upgrade(server)
  const closed = new Promise((resolve) => socket.on('close', resolve))
  socket.resume()
  await closed
  expect(performance.now() - opened).toBeLessThan(16_000)
  await until(() => server.deps.realtimeStats().sockets === 1)
  listening.send({ type: 'leave_space', spaceId: Bun.randomUUIDv7() })
  await listening.next('left_space')
  await listening.close()
})
