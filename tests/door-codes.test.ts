import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import jsQR from 'jsqr'
import { checkIns, doorScreens } from '../src/db/schema'
import type { DoorCode } from '../src/schemas/check-ins'
import type { RunningServer } from '../src/server'
import { captureLog } from './support/logs'
import {
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  rest,
  startTestServer,
  stopTestServers,
} from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(stopTestServers)

/** Decodes a QR code from its SVG, in which a module is ten units wide. */
function scan(svg: string): string | undefined {
  const side = Number(/viewBox="0 0 (\d+)/.exec(svg)?.[1]) / 10
  const scale = 4
  const width = side * scale
  const pixels = new Uint8ClampedArray(width * width * 4).fill(255)
  for (const [, x, y] of svg.matchAll(/M(\d+),(\d+)h10v10h-10z/g)) {
    for (let dy = 0; dy < scale; dy++) {
      for (let dx = 0; dx < scale; dx++) {
        const pixel = ((Number(y) / 10) * scale + dy) * width + (Number(x) / 10) * scale + dx
        pixels.fill(0, pixel * 4, pixel * 4 + 3)
      }
    }
  }
  return jsQR(pixels, width, width)?.data
}

test('a door code can be scanned and checks in only at its own location', async () => {
  const [here, there] = [await makeSpace(server), await makeSpace(server)]
  const admin = await makePerson(server, 'admin')
  const ada = await makePerson(server)
  const path = `/locations/${here.locationId}/door-code`
  const { body } = await rest<DoorCode>(server, path, { person: admin })
  expect(scan(body.svg)).toBe(body.code)
  expect(body.code).not.toContain(here.locationId)
  const image = await fetch(`${server.url}/api${path}`, {
    headers: { authorization: `Bearer ${admin.token}`, accept: 'image/svg+xml,image/*;q=0.8' },
  })
  expect(image.headers.get('content-type')).toBe('image/svg+xml')
  expect(scan(await image.text())).toBeString()

  const client = clientOf(server, ada)
  const code = scan(body.svg) ?? ''
  expect(await client.checkIns.checkIn.mutate({ code })).toMatchObject({ locationId: here.locationId })
  const [row] = await server.deps.db.select().from(checkIns).where(eq(checkIns.userId, ada.id))
  expect(row?.way).toBe('door')
  const refused = [
    { code, locationId: there.locationId },
    { code: `${code.slice(0, 24)}${code[24] === 'A' ? 'B' : 'A'}${code.slice(25)}` },
    { code: `${code}AAAA` },
    { code: 'nonsense' },
    { code: '%%%' },
  ]
  for (const input of refused)
    expect(await reasonOf(client.checkIns.checkIn.mutate(input))).toBe('VALIDATION')
})

test('with PUBLIC_URL, a door code opens the check-in page', async () => {
  const publicServer = await startTestServer({ env: { PUBLIC_URL: 'https://book.example.com/' } })
  const admin = clientOf(publicServer, await makePerson(publicServer, 'admin'))
  const ada = clientOf(publicServer, await makePerson(publicServer))
  const own = await makeSpace(publicServer)
  const { code, svg } = await admin.checkIns.doorCode.query({ id: own.locationId })
  const scanned = scan(svg)
  expect(scanned).toBe(`https://book.example.com/check-in#${code}`)
  expect(await ada.checkIns.checkIn.mutate({ code: scanned })).toMatchObject({ locationId: own.locationId })
})

test('a door code is valid for its minute and the next', async () => {
  const { locationId } = await makeSpace(server)
  const client = clientOf(server, await makePerson(server))
  const { code } = await clientOf(server, await makePerson(server, 'admin')).checkIns.doorCode.query({
    id: locationId,
  })
  const now = Date.now
  const outcomes: string[] = []
  try {
    for (const minutes of [1, 2, 30, -2]) {
      Date.now = () => now() + minutes * 60_000
      outcomes.push(await reasonOf(client.checkIns.checkIn.mutate({ code })))
    }
  } finally {
    Date.now = now
  }
  expect(outcomes).toEqual(['was not refused', 'VALIDATION', 'VALIDATION', 'VALIDATION'])
})

test('a door screen works signed out until its URL is renewed or its location removed', async () => {
  const { id, locationId } = await makeSpace(server)
  const admin = clientOf(server, await makePerson(server, 'admin'))
  const { secret, url } = await admin.checkIns.renewDoorScreen.mutate({ id: locationId })
  expect(url).toBe(`/door#${secret}`)
  const shown = await rest<DoorCode>(server, `/door-screens/${secret}`)
  expect(shown.body).toMatchObject({ locationId, code: scan(shown.body.svg) ?? '' })
  const ada = clientOf(server, await makePerson(server))
  expect(await ada.checkIns.checkIn.mutate({ code: shown.body.code })).toMatchObject({ locationId })

  const signedOut = clientOf(server)
  const another = await admin.checkIns.renewDoorScreen.mutate({ id: locationId })
  for (const wrong of [secret, 'nonsense', another.secret.slice(1)])
    expect(await reasonOf(signedOut.checkIns.screenCode.query({ secret: wrong }))).toBe('NOT_FOUND')
  expect(await signedOut.checkIns.screenCode.query({ secret: another.secret })).toMatchObject({ locationId })
  const stored = await server.deps.db.select().from(doorScreens).where(eq(doorScreens.locationId, locationId))
  expect(stored).toMatchObject([{ secretHash: expect.not.stringContaining(another.secret) }])

  await admin.spaces.remove.mutate({ id })
  await admin.locations.remove.mutate({ id: locationId })
  expect(await reasonOf(signedOut.checkIns.screenCode.query({ secret: another.secret }))).toBe('NOT_FOUND')
})

test('the log never contains the secret of a door screen, however its URL is written', async () => {
  const log = captureLog()
  const logging = await startTestServer({ log: log.log })
  const { locationId } = await makeSpace(logging)
  const admin = clientOf(logging, await makePerson(logging, 'admin'))
  const { secret } = await admin.checkIns.renewDoorScreen.mutate({ id: locationId })
  const statuses = []
  for (const path of [
    `/api/door-screens/${secret}`,
    `//api/door-screens//${secret}`,
    `/API/Door-Screens/${secret}`,
  ])
    statuses.push((await fetch(`${logging.url}${path}`)).status)
  expect(statuses).toContain(200)
  await clientOf(logging).checkIns.screenCode.query({ secret })
  expect(log.lines().length).toBeGreaterThan(statuses.length)
  expect(log.text()).not.toContain(secret)
})
