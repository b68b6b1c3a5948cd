import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { z } from 'zod'
import { REASONS, type Reason } from '../src/errors'
import type { SocketDocument } from '../src/http/openapi/asyncapi'
import type { Document, Operation } from '../src/http/openapi/types'
import { appRouter } from '../src/routers'
import { ClientMessageSchema, ServerMessageSchema } from '../src/schemas/socket-messages'
import type { SignedIn } from '../src/schemas/users'
import type { RunningServer } from '../src/server'
import { hasBrowser, inBrowser } from './support/browser'
import { makePerson, makeSpace, rest, startTestServer, stopTestServers } from './support/world'

let server: RunningServer
let document: Document
beforeAll(async () => {
  server = await startTestServer({ env: { SEED: 'demo' } })
  document = (await (await fetch(`${server.url}/swagger/json`)).json()) as Document
})
afterAll(stopTestServers)

type Described = { method: string; path: string; operation: Operation }
const operations = (): Described[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )

test('the OpenAPI document passes a strict linter', async () => {
  const config = await createConfig({
    extends: ['recommended-strict'],
    // `/spaces/search` and `/spaces/{id}` never match the same request, because an id is a UUID.
    rules: { 'no-ambiguous-paths': 'off' },
  })
  const problems = await lintFromString({
    source: JSON.stringify(document),
    absoluteRef: '/openapi.json',
    config,
  })
  expect(problems.map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([])
})

type Procedure = { _def: { type: string; inputs: z.ZodType[]; meta?: { openapi?: unknown } } }
const procedures = appRouter._def.procedures as unknown as Record<string, Procedure>

/** The id of an operation is the name of its procedure with dashes for dots. */
const procedureOf = ({ operation }: Described): Procedure => {
  const found = procedures[operation.operationId?.replaceAll('-', '.') ?? '']
  if (!found) throw new Error(`no procedure is called ${operation.operationId}`)
  return found
}

test('every REST operation has a unique summary and documents every input field', () => {
  const described = operations()
  const withPath = Object.values(procedures).filter(({ _def }) => _def.meta?.openapi)
  expect(described).toHaveLength(withPath.length)
  expect(new Set(described.map(({ operation }) => operation.summary)).size).toBe(described.length)
  for (const one of described) {
    const { parameters = [], requestBody } = one.operation
    const inUrl = parameters.flatMap(({ name, in: part }) => (name && part !== 'header' ? [name] : []))
    const schema = requestBody?.content?.['application/json']?.schema
    const [input] = procedureOf(one)._def.inputs
    const object = input instanceof z.ZodOptional ? input.unwrap() : input
    const fields = object instanceof z.ZodObject ? Object.keys(object.shape) : []
    const named = [...inUrl, ...Object.keys(schema?.properties ?? {})]
    expect([one.path, named.sort()]).toEqual([one.path, fields.sort()])
  }
})

test('every REST operation has a short summary, a description and documented filters', () => {
  const summary = expect.stringMatching(/^[A-Z].{0,38}[^.]$/)
  const sentences = expect.stringMatching(/^[A-Z`].*\.$/s)
  for (const { operation } of operations()) {
    const { operationId, parameters = [] } = operation
    expect({ operationId, summary: operation.summary }).toEqual({ operationId, summary })
    const described = [operation, ...parameters.filter(({ in: part }) => part === 'query')]
    for (const { description } of described)
      expect({ operationId, description }).toEqual({ operationId, description: sentences })
  }
})

test('operations require sign-in exactly as documented and refuse as documented', async () => {
  const Refusal = refusalValidator()
  for (const { method, path, operation } of operations()) {
    const open = operation.security?.some((one) => Object.keys(one).length === 0)
    const url = path.replace(/\{(\w+)\}/g, (_, name) =>
      String(operation.parameters?.find((parameter) => parameter.name === name)?.schema?.example ?? ''),
    )
    const sends = method === 'POST' || method === 'PUT' || method === 'PATCH'
    const { status, headers, body } = await rest(server, url, { method, ...(sends && { body: {} }) })
    expect([path, method, status === 401]).toEqual([path, method, !open])
    expect(headers.get('x-request-id')).toBeString()
    if (status < 400) continue
    expect(Object.keys(operation.responses)).toContain(String(status))
    Refusal.parse(body)
    expect(reasonsAt(status)).toContain(body.reason as string)
  }
})

/** Validates a refusal against the schema in the document. */
const refusalValidator = () =>
  z.fromJSONSchema(document.components.schemas.Refusal as Parameters<typeof z.fromJSONSchema>[0])

function reasonsAt(status: number): string[] {
  const schema = document.components.responses[`Refused${status}`]?.content?.['application/json']?.schema
  return (schema?.allOf?.[1]?.properties?.reason?.enum ?? []) as string[]
}

test('every reason is documented under its status with an example and a meaning', () => {
  for (const [reason, [code, status]] of Object.entries(REASONS) as [Reason, readonly [string, number]][]) {
    expect(reasonsAt(status)).toContain(reason)
    const response = document.components.responses[`Refused${status}`]
    expect(response?.description).toContain(`\`${reason}\``)
    const example = response?.content?.['application/json']?.examples?.[reason]
    expect(refusalValidator().parse((example as { value: unknown }).value)).toMatchObject({ reason, code })
  }
  expect(document.components.responses.Refused429?.headers).toHaveProperty('retry-after')
})

test('signed in, the documented examples of requests succeed unchanged', async () => {
  const login = document.paths['/auth/login']?.post?.requestBody?.content?.['application/json']?.example
  const { body: session } = await rest<SignedIn>(server, '/auth/login', { method: 'POST', body: login })
  const person = { token: session.accessToken }
  const suggested = operations().filter(
    ({ method, path }) => method === 'GET' || /^\/(bookings|slots\/\{slotId\}\/(hold|book))$/.test(path),
  )
  const refused: unknown[] = []
  for (const { method, path, operation } of suggested) {
    const values = new Map(
      operation.parameters?.flatMap(({ name, required, schema, in: part }) =>
        name && required ? [[name, { part, value: String(schema?.example) }] as const] : [],
      ),
    )
    const query = new URLSearchParams(
      [...values].flatMap(([name, { part, value }]) =>
        part === 'query' ? [[name, value] as [string, string]] : [],
      ),
    )
    const url = `${path.replace(/\{(\w+)\}/g, (_, name) => values.get(name)?.value ?? '')}?${query}`
    const body = operation.requestBody?.content?.['application/json']?.example
    const { status, body: answer } = await rest(server, url, { method, person, ...(body ? { body } : {}) })
    if (status !== 200) refused.push([method, path, answer.reason])
  }
  // Some examples need an admin or an id that the demo data does not have.
  expect(refused.filter((line) => !/NOT_ALLOWED|NOT_FOUND/.test(JSON.stringify(line)))).toEqual([])
  expect(suggested.length - refused.length).toBeGreaterThan(10)
})

test('every documented example of a body is valid', () => {
  for (const one of operations()) {
    const example = one.operation.requestBody?.content?.['application/json']?.example
    if (example === undefined) continue
    const inPath = Object.fromEntries(
      (one.operation.parameters ?? []).flatMap(({ name, in: part, schema }) =>
        name && part === 'path' ? [[name, schema?.example]] : [],
      ),
    )
    const parsed = procedureOf(one)._def.inputs[0]?.safeParse({ ...inPath, ...example })
    expect([one.path, parsed?.error?.issues]).toEqual([one.path, undefined])
  }
})

test('a client generated from the document compiles strictly and books a slot', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'generated-'))
  try {
    const root = path.join(import.meta.dir, '..')
    await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
    const generate = ['tests/support/generate-client.ts', `${server.url}/swagger/json`, `${folder}/api.ts`]
    expect(await exitCodeOf([process.execPath, ...generate], root)).toBe(0)
    await Bun.write(`${folder}/book.ts`, BOOK)
    const options = {
      strict: true,
      noEmit: true,
      module: 'Preserve',
      target: 'ESNext',
      lib: ['ESNext', 'DOM'],
    }
    await Bun.write(
      `${folder}/tsconfig.json`,
      JSON.stringify({ compilerOptions: { ...options, types: [] }, files: ['book.ts'] }),
    )
    expect(await exitCodeOf([`${root}/node_modules/.bin/tsc`, '-p', folder], folder)).toBe(0)

    const space = await makeSpace(server)
    const { token } = await makePerson(server)
    const { bookASlot } = await import(`${folder}/book.ts`)
    expect(await bookASlot(`${server.url}/api`, token, space.id, '2027-01-04')).toEqual({
      status: 'confirmed',
      second: 'SLOT_TAKEN',
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}, 60_000)

/** A third-party program that is based on the document alone. */
const BOOK = `
import createClient from 'openapi-fetch'
import type { paths } from './api'

export async function bookASlot(baseUrl: string, token: string, spaceId: string, date: string) {
  const client = createClient<paths>({ baseUrl, headers: { authorization: \`Bearer \${token}\` } })
  const { data: board, error } = await client.GET('/slots/{spaceId}/{date}', { params: { path: { spaceId, date } } })
  if (error) throw new Error(\`\${error.reason}: \${error.message}\`)
  const free = board.slots.find((slot) => slot.status === 'free')
  if (!free) throw new Error('no slot is free')
  const params = { path: { slotId: free.id }, header: { 'Idempotency-Key': 'from-a-generated-client' } }
  await client.POST('/slots/{slotId}/hold', { params })
  const { data: booking } = await client.POST('/slots/{slotId}/book', { params: { path: { slotId: free.id } } })
  const { error: refusal } = await client.POST('/slots/{slotId}/hold', { params: { path: { slotId: free.id } } })
  const second: 'SLOT_TAKEN' | string | undefined = refusal?.reason
  // @ts-expect-error a space has no such field
  board.nothing
  return { status: booking?.status, second }
}
`

async function exitCodeOf(command: string[], cwd: string): Promise<number> {
  return Bun.spawn(command, { cwd, stdin: 'ignore', stdout: 'inherit', stderr: 'inherit' }).exited
}

test('every socket message is documented with a valid example', async () => {
  const channel = (await (await fetch(`${server.url}/swagger/socket/json`)).json()) as SocketDocument
  const page = await (await fetch(`${server.url}/swagger/socket`)).text()
  const messages = Object.values(channel.channels.realtime.messages)
  const either = z.union([ClientMessageSchema, ServerMessageSchema])
  const types = [...ClientMessageSchema.options, ...ServerMessageSchema.options].map(
    ({ shape }) => shape.type.value,
  )
  expect(messages.map(({ name }) => name).sort()).toEqual(types.sort())
  for (const { name, summary, examples } of messages) {
    expect(summary).toBeString()
    expect(page).toContain(`<article id="${name}">`)
    expect([name, either.safeParse(examples[0]?.payload).error?.issues]).toEqual([name, undefined])
  }
})

const browser = hasBrowser()

test.skipIf(!browser)(
  'the API reference page signs in, holds a slot and loads nothing from elsewhere',
  async () => {
    const space = await makeSpace(server)
    const person = await makePerson(server)
    const seen = await inBrowser(`${server.url}/swagger`, async (page) => {
      await page.locator('.btn.authorize').first().click()
      await page.locator('.auth-container input').first().fill(person.token)
      await page.locator('.auth-btn-wrapper .authorize').first().click()
      await page.locator('.auth-btn-wrapper .btn-done').first().click()
      await page.locator('#operations-Slots-slots-hold .opblock-summary-control').click()
      const operation = page.locator('#operations-Slots-slots-hold')
      await operation.getByPlaceholder('slotId').fill(`${space.id}@2027-01-04T09:00:00Z`)
      await operation.locator('.execute').click()
      const answer = operation.locator('.live-responses-table .response-col_status').last()
      await answer.waitFor()
      expect(await answer.textContent()).toContain('200')
      expect(await operation.locator('.live-responses-table').textContent()).toContain('"held"')
    })
    expect(seen).toEqual({ elsewhere: [], errors: [] })
  },
  60_000,
)

test.skipIf(!browser)(
  'the socket reference page loads nothing from elsewhere',
  async () => {
    const seen = await inBrowser(`${server.url}/swagger/socket`, async (page) => {
      expect(await page.locator('article').count()).toBeGreaterThan(15)
    })
    expect(seen).toEqual({ elsewhere: [], errors: [] })
  },
  60_000,
)
