import { generateOpenApiDocument, type OpenApiMeta } from 'trpc-to-openapi'
import { version } from '../../../package.json'
import type { Millis } from '../../lib/time'
import { appRouter, procedures } from '../../routers'
import { answersSecrets } from '../../trpc'
import {
  answerHeaders,
  HEADERS,
  refusalName,
  refusalResponses,
  refusalSchema,
  refusingStatuses,
} from './error-responses'
import { type Examples, exampleOfField, examplesFrom, sampleOf } from './examples'
import { type Document, type Operation, type Parameter, withoutNoise } from './types'

export const TITLE = 'CoworkSpace'

const DESCRIPTION = `Bookings for coworking operators: hold a time, book it, and watch it live.

**To try it here:** send \`POST /auth/login\` with the example, press *Authorize*, and paste the \`accessToken\`. It lives an
hour; \`POST /auth/refresh\` gives the next one.

**Conventions.** Instants are ISO 8601 in UTC, dates are of the location's time zone, money is an integer in the minor unit
beside its currency. Lists are \`{ items, nextCursor }\`: ask again with \`cursor\` for the next page. Fields that are not
known are refused.

**Refusals** are \`{ message, code, reason, requestId, issues? }\`; \`reason\` is from a closed set. Every answer carries
\`x-request-id\`, which is yours where you send one.

**Asking twice.** Whatever changes something, but for accounts, accepts an \`Idempotency-Key\`.

**Live boards** come over a WebSocket: [its messages](/swagger/socket).`

const TAGS: Record<string, string> = {
  Accounts: 'Signing up, in and out, and what is known of oneself.',
  Bookings: 'What is held and booked, from the hold to its end.',
  Community: 'Who is here, and what is on.',
  Closures: 'When a location or a space cannot be booked.',
  Live: 'The live side of the server.',
  Locations: 'The houses, their hours and their time zones.',
  People: 'Everyone who has an account, for operators.',
  Slots: 'The day of a space, and the short way to a booking.',
  Spaces: 'What can be booked, and a search for when.',
}

const IDEMPOTENCY_KEY: Parameter = {
  in: 'header',
  name: 'Idempotency-Key',
  description:
    'For 24 hours the same key and body get the same answer, and nothing is done twice. Another body is refused.',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
}

/**
 * The OpenAPI 3.1 document of every procedure that has a REST path. What the procedures say of themselves comes from
 * them; what all of them share (refusals, headers, signing in, values to try) is added here.
 * @param url the address of the REST door, absolute or from the root
 */
export function createDocument(url: string, now: Millis = Date.now()): Document {
  const generated = generateOpenApiDocument(appRouter, { title: TITLE, version, baseUrl: url })
  const document = structuredClone(generated) as unknown as Document
  document.info = {
    title: TITLE,
    version,
    description: DESCRIPTION,
    license: { name: 'MIT', identifier: 'MIT' },
  }
  document.servers = [{ url, description: 'This server' }]
  document.components = {
    schemas: { ...ownSchemas(document), Refusal: refusalSchema() },
    responses: refusalResponses(),
    parameters: { IdempotencyKey: IDEMPOTENCY_KEY },
    headers: HEADERS,
    securitySchemes: {
      accessToken: {
        type: 'http',
        scheme: 'bearer',
        bearerFormat: 'JWT',
        description: 'The `accessToken` that signing in gives.',
      },
    },
  }
  const examples = examplesFrom(now)
  for (const { path, method, operation, procedure, open } of operationsOf(document)) {
    describe(operation, { changes: method !== 'get', keyed: !answersSecrets(procedure), open })
    suggest(operation, path, examples, document)
  }
  document.tags = tagsOf(document)
  withoutNoise(document)
  return document
}

/** The shapes that procedures answer; the generator's own picture of an error is not what this API gives. */
const ownSchemas = ({ components }: Document) =>
  Object.fromEntries(Object.entries(components.schemas).filter(([name]) => !name.startsWith('error.')))

function operationsOf({ paths }: Document) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const procedure = operation.operationId?.replaceAll('-', '.') ?? ''
      const { openapi: { protect } = {} } = (procedures[procedure]?._def.meta ?? {}) as OpenApiMeta
      return { path, method, operation, procedure, open: protect === false }
    }),
  )
}

function describe(operation: Operation, is: { changes: boolean; keyed: boolean; open: boolean }): void {
  // What is open to all still knows who asks, where somebody is signed in.
  operation.security = is.open ? [{}, { accessToken: [] }] : [{ accessToken: [] }]
  const key = is.changes && is.keyed ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : []
  operation.parameters = [...(operation.parameters ?? []), ...key]
  const success = { ...operation.responses['200'] }
  success.description = 'Done.'
  success.headers = answerHeaders()
  operation.responses = { '200': success }
  for (const status of refusingStatuses(is))
    operation.responses[String(status)] = { $ref: `#/components/responses/${refusalName(status)}` }
}

/** Puts values that can be sent as they stand into what must be filled in, and leaves the rest to be chosen. */
function suggest(operation: Operation, path: string, examples: Examples, { components }: Document): void {
  const known = (name: string) => exampleOfField(examples, path, name)
  for (const parameter of operation.parameters ?? []) {
    const { schema, name = '' } = parameter
    if (!schema) continue
    if (parameter.required) schema.example = known(name) ?? schema.example
    else delete schema.example
    // As a parameter the description shows; inside its schema it does not.
    parameter.description ??= schema.description
  }
  const body = operation.requestBody?.content?.['application/json']
  if (body?.schema) {
    const resolve = (ref: string) => components.schemas[ref.split('/').at(-1) ?? '']
    body.example = sampleOf(body.schema, known, resolve, Object.keys(examples.byPath[path] ?? {}))
  }
}

function tagsOf({ paths }: Document): Document['tags'] {
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods))
  const names = [...new Set(operations.flatMap(({ tags = [] }) => tags))].sort()
  return names.map((name) => ({ name, description: TAGS[name] ?? `${name}.` }))
}
