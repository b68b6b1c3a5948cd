import { afterAll, beforeAll, expect, test } from 'bun:test'
import { jwt } from '@elysiajs/jwt'
import {
  MAX_FRAME_BYTES,
  MAX_MESSAGE_BYTES,
  MAX_UNREAD_BYTES,
  MESSAGE_BURST,
} from '../src/realtime/socket-limits'
import type { RunningServer } from '../src/server'
import { createDatabase } from './support/database'
import { startProxy } from './support/database-proxy'
import { textFrame, upgrade } from './support/raw'
import { openAtLocation, openSocket } from './support/socket'
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

let server: RunningServer
/** A server on the same database, with rate limits. */
let strict: RunningServer
beforeAll(async () => {
  server = await startTestServer({ env: { CORS_ORIGINS: 'https://app.example.com' } })
  strict = await startTestServer({
    databaseUrl: server.deps.env.DATABASE_URL ?? '',
    env: { RATE_LIMITS: 'on' },
  })
})
afterAll(stopTestServers)

const unknownId = '019a7d3e-5b1c-7c00-8000-000000000001'

const shortToken = (id: string, seconds: number) =>
  jwt({ name: 'jwt', secret: server.deps.env.JWT_SECRET }).decorator.jwt.sign({
    sub: id,
    role: 'customer',
    exp: Math.floor(Date.now() / 1000) + seconds,
  })

test('a socket is confirmed with the user of its token, or without a user', async () => {
  const ada = await makePerson(server)
  const [signedIn, anonymous] = [await openSocket(server, ada.token), await openSocket(server)]
  expect(signedIn.received[0]).toMatchObject({ type: 'connection_confirmed', userId: ada.id })
  expect(anonymous.received[0]).toMatchObject({ type: 'connection_confirmed', userId: null })
  anonymous.send({ type: 'slot_hold', slotId: `${unknownId}@${at(9)}`, requestId: 'h' })
  expect(await anonymous.next('error')).toMatchObject({
    reason: 'NOT_SIGNED_IN',
    code: 'UNAUTHORIZED',
    requestId: 'h',
  })
  await Promise.all([signedIn.close(), anonymous.close()])
})

test('the token comes in the URL or as a subprotocol, which browsers require echoed', async () => {
  const { token } = await makePerson(server)
  const inAddress = await upgrade(server, { path: `/realtime?token=${token}` })
  expect([inAddress.status, inAddress.header('sec-websocket-protocol')]).toEqual([101, undefined])
  const asProtocol = await upgrade(server, { headers: { 'sec-websocket-protocol': `bearer, ${token}` } })
  expect([asProtocol.status, asProtocol.header('sec-websocket-protocol')]).toEqual([101, 'bearer'])
  for (const { socket } of [inAddress, asProtocol]) socket.destroy()
})

test('a bad or expired token or a foreign origin refuses the upgrade', async () => {
  const { id } = await makePerson(server)
  const ended = await shortToken(id, -1)
  const statuses = async (headers: Record<string, string>, path = '/realtime') => {
    const { status, socket, head } = await upgrade(server, { headers, path })
    socket.destroy()
    expect(head).toMatch(/^x-request-id: /im)
    return status
  }
  expect(await statuses({}, '/realtime?token=x')).toBe(401)
  expect(await statuses({}, '/realtime?token=')).toBe(401)
  expect(await statuses({}, `/realtime?token=${ended}`)).toBe(401)
  expect(await statuses({ 'sec-websocket-protocol': 'bearer, nonsense' })).toBe(401)
  expect(await statuses({ 'sec-websocket-protocol': 'bearer' })).toBe(401)
  expect(await statuses({ origin: 'https://evil.example.com' })).toBe(403)
  expect(await statuses({ origin: 'null' })).toBe(403)
  expect(await statuses({ origin: 'https://app.example.com.evil.example.com' })).toBe(403)
  expect(await statuses({ origin: 'https://app.example.com' })).toBe(101)
  expect(await statuses({ origin: server.url })).toBe(101)
})

test('a board is watched from join to leave, on several dates at once', async () => {
  const space = await makeSpace(server)
  const ada = await makePerson(server)
  const socket = await openSocket(server, ada.token)
  const before = await clientOf(server, await makePerson(server, 'admin')).realtime.stats.query()
  for (const date of [testDate, '2027-01-05', testDate]) {
    socket.send({ type: 'join_space', spaceId: space.id, date, requestId: date })
    expect(await socket.next('joined_space', ({ requestId }) => requestId === date)).toMatchObject({ date })
    expect(await socket.next('slots_status_update', (board) => board.date === date)).toMatchObject({
      requestId: date,
    })
  }
  const stats = () => server.deps.realtimeStats()
  expect(stats().watchedBoards - before.watchedBoards).toBe(2)
  socket.send({ type: 'leave_space', spaceId: space.id, requestId: 'leave' })
  expect(await socket.next('left_space')).toMatchObject({ spaceId: space.id, requestId: 'leave' })
  expect(stats()).toMatchObject({ watchedBoards: before.watchedBoards, watchedSpaces: before.watchedSpaces })
  await clientOf(server, ada).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
  await socket.next('booking_update')
  expect(socket.received.filter(({ type }) => type === 'slot_update')).toEqual([])
  socket.send({ type: 'join_space', spaceId: unknownId, date: testDate, requestId: 'none' })
  expect(await socket.next('error')).toMatchObject({ reason: 'NOT_FOUND', requestId: 'none' })
  expect(stats().watchedBoards).toBe(before.watchedBoards)
  await socket.close()
})

test('a join fails without a database, but boards already joined remain watched', async () => {
  const proxy = await startProxy(await createDatabase())
  const proxied = await startTestServer({ databaseUrl: proxy.url })
  const [ada, watched, other] = [
    await makePerson(proxied),
    await makeSpace(proxied),
    await makeSpace(proxied),
  ]
  const { locationId } = watched
  const socket = await openSocket(proxied, ada.token)
  const joinAll = async (spaceIds: string[]) => {
    for (const spaceId of spaceIds)
      socket.send({ type: 'join_space', spaceId, date: testDate, requestId: spaceId })
    socket.send({ type: 'join_location', locationId, requestId: locationId })
  }
  await joinAll([watched.id])
  await socket.next('slots_status_update')
  await socket.next('initial')

  await proxy.cut()
  await joinAll([watched.id, other.id])
  for (const id of [watched.id, other.id, locationId])
    expect(await socket.next('error', ({ requestId }) => requestId === id)).toMatchObject({
      reason: 'UNAVAILABLE',
    })
  await proxy.mend()
  const client = clientOf(proxied, ada)
  await until(() => client.auth.me.query().catch(() => null))
  await client.slots.hold.mutate({ slotId: `${other.id}@${at(9)}` })
  await client.slots.hold.mutate({ slotId: `${watched.id}@${at(9)}` })
  await client.checkIns.checkIn.mutate({ locationId })
  expect(await socket.next('slot_update')).toMatchObject({ spaceId: watched.id })
  expect(await socket.next('check_ins')).toMatchObject({ locationId })
  await socket.close()
  await proxied.stop()
  await proxy.cut()
})

test('one slot or several in a row can be held and released over the socket', async () => {
  const space = await makeSpace(server)
  const ada = await makePerson(server)
  const socket = await openSocket(server, ada.token)
  const slotId = `${space.id}@${at(9)}`
  socket.send({ type: 'slot_hold', slotId, requestId: 'one' })
  const { booking } = await socket.next('hold_confirmed', ({ requestId }) => requestId === 'one')
  expect(booking).toMatchObject({ status: 'held', startsAt: at(9), userId: ada.id })
  socket.send({ type: 'slot_hold', spaceId: space.id, startsAt: at(12), endsAt: at(14), requestId: 'two' })
  const two = await socket.next('hold_confirmed', ({ requestId }) => requestId === 'two')
  expect(two.booking).toMatchObject({ startsAt: at(12), endsAt: at(14) })
  socket.send({ type: 'slot_hold', slotId, requestId: 'again' })
  expect(await socket.next('error')).toMatchObject({
    reason: 'SLOT_TAKEN',
    code: 'CONFLICT',
    requestId: 'again',
  })
  socket.send({ type: 'slot_release', slotId, requestId: 'r1' })
  expect(await socket.next('hold_released')).toEqual({
    type: 'hold_released',
    bookingId: booking.id,
    requestId: 'r1',
  })
  socket.send({ type: 'slot_release', bookingId: two.booking.id, requestId: 'r2' })
  await socket.next('hold_released', ({ requestId }) => requestId === 'r2')
  const board = await clientOf(server).slots.day.query({ spaceId: space.id, date: testDate })
  expect(board.slots.every(({ status }) => status === 'free')).toBe(true)
  for (const incomplete of [{ type: 'slot_hold', spaceId: space.id }, { type: 'slot_release' }]) {
    socket.send({ ...incomplete, requestId: incomplete.type })
    const refusal = await socket.next('error', ({ requestId }) => requestId === incomplete.type)
    expect(refusal.reason).toBe('VALIDATION')
  }
  await socket.close()
})

test("changes of a user's bookings are sent to the user's own sockets only", async () => {
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const sockets = await Promise.all([ada, ada, bob].map(({ token }) => openSocket(server, token)))
  const space = await makeSpace(server)
  const hold = await clientOf(server, ada).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
  const [first, second, other] = sockets
  expect((await first?.next('booking_update'))?.booking).toEqual(hold)
  expect((await second?.next('booking_update'))?.booking.id).toBe(hold.id)
  const own = await clientOf(server, bob).slots.hold.mutate({ slotId: `${space.id}@${at(10)}` })
  expect((await other?.next('booking_update'))?.booking.id).toBe(own.id)
  expect(first?.received.filter(({ type }) => type === 'booking_update')).toHaveLength(1)
  await Promise.all(sockets.map((socket) => socket.close()))
})

test('after authenticating as another user, a socket gets no messages of the first one', async () => {
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const socket = await openSocket(server, ada.token)
  socket.send({ type: 'authenticate', token: 'nonsense', requestId: 'bad' })
  expect(await socket.next('error')).toMatchObject({ reason: 'NOT_SIGNED_IN', requestId: 'bad' })
  socket.send({ type: 'authenticate', token: await shortToken(ada.id, -1), requestId: 'old' })
  expect(await socket.next('error', ({ requestId }) => requestId === 'old')).toMatchObject({
    reason: 'TOKEN_EXPIRED',
  })
  socket.send({ type: 'authenticate', token: bob.token })
  expect(await socket.next('authenticated')).toMatchObject({ userId: bob.id })
  const space = await makeSpace(server)
  await clientOf(server, ada).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
  const own = await clientOf(server, bob).slots.hold.mutate({ slotId: `${space.id}@${at(10)}` })
  await socket.next('booking_update', ({ booking }) => booking.id === own.id)
  expect(socket.received.filter(({ type }) => type === 'booking_update')).toHaveLength(1)
  await socket.close()
})

test('a socket is closed with 4401 when its token expires, unless it was renewed', async () => {
  const ada = await makePerson(server)
  const [expiring, renewed] = [
    await openSocket(server, await shortToken(ada.id, 2)),
    await openSocket(server, await shortToken(ada.id, 2)),
  ]
  renewed.send({ type: 'authenticate', token: ada.token })
  await renewed.next('authenticated')
  expect(await expiring.closed).toEqual({ code: 4401 })
  renewed.send({ type: 'leave_space', spaceId: unknownId })
  expect(await renewed.next('left_space')).toBeDefined()
  await renewed.close()
})

test('deleting an account closes its sockets, and its token cannot join a location', async () => {
  const { locationId } = await makeSpace(server)
  const person = await makePerson(server)
  const socket = await openAtLocation(server, locationId, person.token)
  await clientOf(server, person).auth.deleteMe.mutate()
  expect((await socket.closed).code).toBe(4401)
  const again = await openSocket(server, person.token)
  again.send({ type: 'join_location', locationId })
  expect(await again.next('error')).toMatchObject({ reason: 'NOT_SIGNED_IN' })
  await again.close()
})

test('the token of a deleted account cannot authenticate a socket or show names', async () => {
  const { locationId } = await makeSpace(server)
  const [gone, other] = [await makePerson(server), await makePerson(server)]
  const socket = await openAtLocation(server, locationId)
  await clientOf(server, gone).auth.deleteMe.mutate()
  socket.send({ type: 'authenticate', token: gone.token, requestId: 'late' })
  await clientOf(server, other).checkIns.checkIn.mutate({ locationId })
  expect((await socket.next('check_ins')).present).toMatchObject([{ person: null }])
  expect(await socket.next('error')).toMatchObject({ reason: 'NOT_SIGNED_IN', requestId: 'late' })
  await socket.close()
})

test('a message that is too large is refused, and a huge frame closes the socket', async () => {
  const socket = await openSocket(server)
  socket.send({ type: 'leave_space', spaceId: unknownId, requestId: 'x'.repeat(MAX_MESSAGE_BYTES) })
  expect(await socket.next('error')).toMatchObject({
    reason: 'VALIDATION',
    message: expect.stringContaining('4096'),
  })
  socket.send({ type: 'leave_space', spaceId: unknownId })
  await socket.next('left_space')
  socket.send('x'.repeat(MAX_FRAME_BYTES + 1))
  expect([1006, 1009]).toContain((await socket.closed).code)
})

test('each malformed message gets an error, and too many close the socket with 4409', async () => {
  const socket = await openSocket(server)
  const sent = ['{', 'ping', '[]', '{"type":"dance"}', '{"type":"leave_space"}', 'null']
  for (const text of sent) socket.send(text)
  socket.send({ type: 'leave_space', spaceId: unknownId, extra: true, requestId: 'extra' })
  await socket.next('error', ({ requestId }) => requestId === 'extra')
  expect(socket.received.filter(({ type }) => type === 'error')).toHaveLength(sent.length + 1)
  const flood = setInterval(() => socket.send('{'), 1)
  expect(await socket.closed).toEqual({ code: 4409 })
  clearInterval(flood)
})

test('messages over the limit are refused, then the socket is closed with 4408', async () => {
  const socket = await openSocket(strict)
  const message = JSON.stringify({ type: 'leave_space', spaceId: unknownId })
  for (let sent = 0; sent < MESSAGE_BURST + 10; sent++) socket.send(message)
  expect(await socket.next('error')).toMatchObject({ reason: 'RATE_LIMITED', code: 'TOO_MANY_REQUESTS' })
  await until(() => socket.received.filter(({ type }) => type === 'left_space').length >= MESSAGE_BURST)
  const flood = setInterval(() => socket.send(message), 2)
  expect(await socket.closed).toEqual({ code: 4408 })
  clearInterval(flood)
})

test('losing races again and again does not close a socket', async () => {
  const space = await makeSpace(server)
  const slotId = `${space.id}@${at(9)}`
  await clientOf(server, await makePerson(server)).slots.hold.mutate({ slotId })
  const socket = await openSocket(server, (await makePerson(server)).token)
  for (let round = 0; round < 250; round++) {
    socket.send({ type: 'slot_hold', slotId })
    if (round % 50 === 49)
      await until(() => socket.received.filter(({ type }) => type === 'error').length > round)
  }
  socket.send({ type: 'leave_space', spaceId: unknownId })
  await socket.next('left_space')
  await socket.close()
})

test('a slow reader is closed at one unread megabyte and does not disturb others', async () => {
  expect(MAX_UNREAD_BYTES).toBe(1 << 20)
  const slow = await upgrade(server)
  const healthy = await openSocket(server)
  const before = server.deps.realtimeStats()
  const message = 'x'.repeat(50_000)
  for (let sent = 0; server.deps.realtimeStats().slowReadersClosed === before.slowReadersClosed; sent++) {
    if (sent > 1000) throw new Error('the slow reader was not closed')
    server.deps.publish('everyone', { type: 'announcement', message: `${sent} ${message}` })
    await healthy.next('announcement', (received) => received.message.startsWith(`${sent} `))
  }
  await until(() => server.deps.realtimeStats().sockets === before.sockets - 1)
  healthy.send({ type: 'leave_space', spaceId: unknownId })
  await healthy.next('left_space')
  slow.socket.destroy()
  await healthy.close()
})

test('statistics count sockets, users, boards and messages, and drop closed sockets', async () => {
  const space = await makeSpace(server)
  const ada = await makePerson(server)
  await until(() => server.deps.realtimeStats().sockets === 0)
  const before = server.deps.realtimeStats()
  const [one, two] = [await openSocket(server, ada.token), await openSocket(server)]
  for (const socket of [one, two]) {
    socket.send({ type: 'join_space', spaceId: space.id, date: testDate })
    await socket.next('slots_status_update')
  }
  expect(server.deps.realtimeStats()).toMatchObject({
    sockets: 2,
    signedIn: 1,
    watchedSpaces: 1,
    watchedBoards: 1,
  })
  expect(server.deps.realtimeStats().messagesIn - before.messagesIn).toBe(2)
  await Promise.all([one.close(), two.close()])
  await until(() => server.deps.realtimeStats().sockets === 0)
  expect(server.deps.realtimeStats()).toMatchObject({ signedIn: 0, watchedSpaces: 0, watchedBoards: 0 })
})

test('a planned stop is announced, answers earlier messages and closes with 1001', async () => {
  const stopping = await startTestServer({ databaseUrl: server.deps.env.DATABASE_URL ?? '' })
  const space = await makeSpace(stopping)
  const socket = await openSocket(stopping, (await makePerson(stopping)).token)
  socket.send({ type: 'slot_hold', slotId: `${space.id}@${at(9)}` })
  await until(() => stopping.deps.realtimeStats().messagesIn === 1)
  await stopping.stop()
  expect((await socket.closed).code).toBe(1001)
  expect(socket.received.find(({ type }) => type === 'server_closing')).toMatchObject({
    reconnectInSeconds: 1,
  })
  expect(socket.received.some(({ type }) => type === 'hold_confirmed')).toBe(true)
})

test('a client that writes raw frames is served like any other', async () => {
  const { socket } = await upgrade(server)
  const answer = Promise.withResolvers<string>()
  socket.on('data', (data) => {
    if (data.includes('left_space')) answer.resolve(data.toString())
  })
  socket.resume()
  socket.write(textFrame(JSON.stringify({ type: 'leave_space', spaceId: unknownId, requestId: 'raw' })))
  expect(await answer.promise).toContain('"requestId":"raw"')
  socket.destroy()
})
