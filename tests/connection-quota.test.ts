import { afterAll, expect, test } from 'bun:test'
import { TIERS } from '../src/lib/rate-limits'
import { upgrade } from './support/raw'
import { openSocket } from './support/socket'
import { makePerson, startTestServer, stopTestServers, until } from './support/world'

afterAll(stopTestServers)

const limited = (env: Record<string, string>) =>
  startTestServer({ env: { RATE_LIMITS: 'on', TRUST_PROXY: 'loopback', ...env } })
const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })

test('an address has so many sockets and no more, others have theirs, and one that is closed makes room', async () => {
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

test('a person has so many sockets, from however many addresses', async () => {
  const server = await limited({ SOCKETS_PER_PERSON: '2' })
  const { token } = await makePerson(server)
  const open = (address: string) => upgrade(server, { path: `/realtime?token=${token}`, ...from(address) })
  expect((await open('192.0.2.1')).status).toBe(101)
  expect((await open('192.0.2.2')).status).toBe(101)
  expect((await open('192.0.2.3')).status).toBe(429)
  expect((await upgrade(server, from('192.0.2.3'))).status).toBe(101)
})

test('a person who says only later who they are has no more sockets for that', async () => {
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
  // Renewing is no further socket.
  expect(await authenticate(sockets[0])).toBe('authenticated')
  await sockets[1]?.close()
  await until(async () => (await authenticate(sockets[2])) === 'authenticated')
})

test('an address that opens and closes sockets all the time is told to wait', async () => {
  const server = await limited({})
  const { countSocket } = server.deps.limits
  for (let opened = 0; opened < TIERS.socket.points; opened++)
    await countSocket({ address: '192.0.2.1', allowance: null })
  const refused = await upgrade(server, from('192.0.2.1'))
  expect(refused.status).toBe(429)
  expect(Number(refused.header('retry-after'))).toBeWithin(1, TIERS.socket.seconds + 1)
  expect((await upgrade(server, from('192.0.2.2'))).status).toBe(101)
})

test('a socket that is gone without a word is noticed by its silence, and one that only listens stays', async () => {
  const server = await startTestServer({ env: { SOCKET_IDLE_SECONDS: '8' } })
  const listening = await openSocket(server)
  // It is open, and answers nothing: not even a ping.
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
