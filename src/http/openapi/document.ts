import { generateOpenApiDocument, type OpenApiMeta } from 'trpc-to-openapi'
import { version } from '../../../package.json'
import type { Millis } from '../../lib/time'
import { appRouter, procedures } from '../../routers'
import { returnsSecrets } from '../../trpc'
import {
  HEADERS,
  refusalName,
  refusalResponses,
  refusalSchema,
  refusingStatuses,
  responseHeaders,
} from './error-responses'
import { type Examples, exampleOfField, examplesFrom, sampleOf } from './examples'
import { type Document, type Operation, type Parameter, withoutNoise } from './types'

export const TITLE = 'CoworkSpace'

const DESCRIPTION = `Bookings for coworking operators: hold a time, pay for it and follow the board live.

**Try it.** Send \`POST /auth/login\` with the example, press *Authorize* and paste the \`accessToken\`. It is valid for one
hour; \`POST /auth/refresh\` returns a new one.

**Conventions.** Instants are ISO 8601 in UTC. Dates are in the time zone of the location. Amounts are integers in the minor unit
of their currency. Lists return \`{ items, nextCursor }\`: send \`nextCursor\` as \`cursor\` to get the next page. Unknown
fields are refused.

**Errors** are \`{ message, code, reason, requestId, issues? }\`, with a \`reason\` from a fixed set. Every response has an
\`x-request-id\`: your own if you sent one.

**Idempotency.** Most operations that change something accept an \`Idempotency-Key\`, so that a retry has no second effect.

**Live boards** are sent over a [WebSocket](/swagger/socket).`

const TAGS: Record<string, string> = {
  Accounts: 'Sign-up, sign-in, sessions and the current user.',
  Analytics: 'Booking statistics, for admins.',
  Bookings: 'Holds and bookings, from the hold to completion.',
  Closures: 'Periods in which a location, a space or a specialist cannot be booked.',
  Community: 'Check-ins, events and calendar feeds.',
  Live: 'Connection statistics and announcements, for admins.',
  Locations: 'Locations with time zone and opening hours.',
  Loyalty: 'Points and tiers.',
  Notifications: 'Notifications and their channels.',
  Payments: 'Payments, refunds and Stripe events.',
  Reviews: 'Reviews of spaces and specialists.',
  Services: 'Services that specialists offer.',
  Slots: 'Boards of spaces, and holds by slot id.',
  Spaces: 'Bookable spaces and the search for available ones.',
  Specialists: 'Specialists and their boards.',
  Users: 'User accounts, for admins.',
}

const IDEMPOTENCY_KEY: Parameter = {
  in: 'header',
  name: 'Idempotency-Key',
  description:
    'For 24 hours, a request with the same key and body gets the first response and has no further effect. Another body is refused.',
  schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
}

/**
 * Builds the OpenAPI 3.1 document of all procedures with a REST path. Adds what the operations share to their own metadata:
 * refusals, headers, authentication and examples.
 * @param url base URL of the REST API, absolute or starting with `/`
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
        description: 'The `accessToken` returned by signing in.',
      },
    },
  }
  const examples = examplesFrom(now)
  for (const { path, method, operation, procedure, open } of operationsOf(document)) {
    addSharedParts(operation, { changes: method !== 'get', keyed: !returnsSecrets(procedure), open })
    addExamples(operation, path, examples, document)
  }
  document.tags = tagsOf(document)
  withoutNoise(document)
  return document
}

/** Schemas of outputs, without the generator's error schemas, which this API does not use. */
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

function addSharedParts(
  operation: Operation,
  { changes, keyed, open }: { changes: boolean; keyed: boolean; open: boolean },
): void {
  // The token is optional on open operations: some return more to signed-in callers.
  operation.security = open ? [{}, { accessToken: [] }] : [{ accessToken: [] }]
  const key = changes && keyed ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : []
  operation.parameters = [...(operation.parameters ?? []), ...key]
  const success = { ...operation.responses['200'] }
  success.description = 'Success.'
  success.headers = responseHeaders()
  operation.responses = { '200': success }
  for (const status of refusingStatuses({ changes, open }))
    operation.responses[String(status)] = { $ref: `#/components/responses/${refusalName(status)}` }
}

/** Adds examples that can be sent unchanged to required fields. Optional parameters stay empty in the form. */
function addExamples(operation: Operation, path: string, examples: Examples, { components }: Document): void {
  const known = (name: string) => exampleOfField(examples, path, name)
  for (const parameter of operation.parameters ?? []) {
    const { schema, name = '' } = parameter
    if (!schema) continue
    if (parameter.required) schema.example = known(name) ?? schema.example
    else delete schema.example
    // Swagger UI does not show a description inside the schema of a parameter.
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
