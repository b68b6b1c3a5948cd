/**
 * `bun run surface` writes the public surface to `tests/surface.json` and prints the differences. A test compares the server
 * with that file, so that no change breaks clients by accident.
 */

import path from 'node:path'
import type { OpenApiMeta } from 'trpc-to-openapi'
import { z } from 'zod'
import { createApp } from '../src/app'
import type { Deps } from '../src/context'
import { EnvSchema, readEnv } from '../src/env'
import { REASONS } from '../src/errors'
import type { Connections } from '../src/realtime/connections'
import { procedures } from '../src/routers'
import {
  BoardMessageSchema,
  ClientMessageSchema,
  LocationMessageSchema,
  ServerMessageSchema,
} from '../src/schemas/socket-messages'

export const SURFACE_FILE = path.resolve(import.meta.dirname, '../tests/surface.json')

export type Surface = Record<string, Record<string, unknown>>

/** Messages of subscriptions, which tRPC does not know at run time. */
const EVENTS: Record<string, z.ZodType> = {
  'realtime.watch': BoardMessageSchema,
  'realtime.watchLocation': LocationMessageSchema,
}

export function readSurface(): Surface {
  const shapes: Record<string, unknown> = {}
  return {
    procedures: readProcedures(shapes),
    shapes,
    routes: readRoutes(),
    reasons: REASONS,
    'messages to the server': readMessages(ClientMessageSchema, 'input', shapes),
    'messages from the server': readMessages(ServerMessageSchema, 'output', shapes),
    environment: mapValues(EnvSchema.shape, (type) => shapeOf(type, 'input', shapes)),
  }
}

function readProcedures(shapes: Surface[string]): Surface[string] {
  return mapValues(procedures, ({ _def }, name) => {
    const { openapi } = (_def.meta ?? {}) as OpenApiMeta
    const { inputs = [], output } = _def as unknown as { inputs?: z.ZodType[]; output?: z.ZodType }
    const answers = _def.type === 'subscription' ? EVENTS[name] : output
    if (!answers)
      throw new Error(
        `${name} has no output schema. If it is a subscription, add its messages to ${import.meta.file}.`,
      )
    return {
      type: _def.type,
      ...(openapi && { rest: `${openapi.method} /api${openapi.path}`, signedIn: openapi.protect !== false }),
      input: inputs.map((input) => shapeOf(input, 'input', shapes)),
      output: shapeOf(answers, 'output', shapes),
    }
  })
}

const ASSETS = '/swagger/assets/'

function readRoutes(): Surface[string] {
  // Reading the routes calls no handler, so only the settings must exist.
  const inert: unknown = new Proxy(() => inert, { get: (_, name) => (name === 'env' ? readEnv({}) : inert) })
  const { app } = createApp(inert as Deps, inert as Connections, '')
  const names = [
    'WS /realtime',
    ...app.routes.map(({ method, path }) => `${method} ${path}`).filter((name) => !name.includes(ASSETS)),
  ]
  return Object.fromEntries(names.map((name) => [name, true]))
}

function readMessages(
  union: z.ZodDiscriminatedUnion,
  io: 'input' | 'output',
  shapes: Surface[string],
): Surface[string] {
  const messages = union.options.map((message) => {
    const shape = shapeOf(message as z.ZodType, io, shapes) as { properties: { type: { const: string } } }
    return [shape.properties.type.const, shape]
  })
  return Object.fromEntries(messages)
}

function shapeOf(type: z.ZodType, io: 'input' | 'output', shapes: Surface[string]): unknown {
  const {
    $schema: _,
    $defs = {},
    ...schema
  } = z.toJSONSchema(type, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      for (const word of ['description', 'example', 'examples', 'title', 'id'] as const)
        delete jsonSchema[word]
      jsonSchema.required?.sort()
      jsonSchema.enum?.sort()
    },
  })
  const suffix = io === 'input' ? ' (sent)' : ''
  const renamed = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value).replaceAll(/"#\/\$defs\/([^"]+)"/g, `"#/shapes/$1${suffix}"`))
  for (const [name, definition] of Object.entries($defs)) shapes[`${name}${suffix}`] = renamed(definition)
  return renamed(schema)
}

const mapValues = <T>(values: Record<string, T>, map: (value: T, name: string) => unknown) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value, name)]))

/** Lists what was removed, added or changed, one line each. */
export function differencesOf(before: Surface, now: Surface): string[] {
  const sections = [...new Set([...Object.keys(before), ...Object.keys(now)])]
  return sections.flatMap((section) => {
    const [old, present] = [before[section] ?? {}, now[section] ?? {}]
    return [...new Set([...Object.keys(old), ...Object.keys(present)])].sort().flatMap((name) => {
      if (!(name in present)) return `gone from ${section}: ${name}`
      if (!(name in old)) return `new in ${section}: ${name}`
      return Bun.deepEquals(old[name], present[name]) ? [] : `changed in ${section}: ${name}`
    })
  })
}

/** Formats a surface with sorted keys, so that the file changes only if the surface does. */
export const surfaceText = (surface: Surface): string =>
  `${JSON.stringify(
    surface,
    (_, value: unknown) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
        : value,
    2,
  )}\n`

export const plain = (surface: Surface): Surface => JSON.parse(JSON.stringify(surface))

if (import.meta.main) {
  const file = Bun.file(SURFACE_FILE)
  const before: Surface = (await file.exists()) ? await file.json() : {}
  const now = plain(readSurface())
  await Bun.write(SURFACE_FILE, surfaceText(now))
  const differences = differencesOf(before, now)
  process.stdout.write(differences.length ? `${differences.join('\n')}\n` : 'The surface has not changed.\n')
}
