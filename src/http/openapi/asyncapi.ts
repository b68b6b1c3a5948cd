import { z } from 'zod'
import { version } from '../../../package.json'
import { ClientMessageSchema, type ServerMessage, ServerMessageSchema } from '../../schemas/socket-messages'
import { examplesFrom, sampleOf } from './examples'
import { MESSAGE_NOTES } from './socket-message-docs'
import { type Schema, withoutNoise } from './types'

type Message = { name: string; summary: string; payload: Schema; examples: { payload: unknown }[] }
type Direction = { action: 'send' | 'receive'; title: string; schema: z.ZodType }

const DIRECTIONS: Direction[] = [
  { action: 'receive', title: 'Client messages', schema: ClientMessageSchema },
  { action: 'send', title: 'Server messages', schema: ServerMessageSchema },
]

const DESCRIPTION = `Messages are JSON objects with a \`type\`. A \`requestId\` in a client message is returned in the response. Send the
access token as \`?token=\` or as the subprotocols \`bearer, <token>\`. A socket without a token can watch but not hold. An
invalid token is refused with 401 before the upgrade. When a token expires, the socket is closed with 4401, unless the client
renewed it with \`authenticate\`. Too many messages close the socket with 4408, too many invalid ones with 4409.`

/** Builds the AsyncAPI 3 document of the socket from the schemas that validate its messages. */
export function socketDocument(publicUrl: string) {
  const sides = DIRECTIONS.map(({ action, title, schema }) => ({ action, title, ...messagesOf(schema) }))
  const server = publicUrl && new URL(publicUrl)
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'CoworkSpace WebSocket API',
      version,
      description: DESCRIPTION,
      license: { name: 'MIT' },
    },
    ...(server && {
      servers: { this: { host: server.host, protocol: server.protocol.replace('http', 'ws').slice(0, -1) } },
    }),
    channels: {
      realtime: {
        address: '/realtime',
        messages: Object.fromEntries(
          sides.flatMap(({ messages }) => messages.map((message) => [message.name, message])),
        ),
      },
    },
    operations: Object.fromEntries(
      sides.map(({ action, title, messages }) => [
        action,
        {
          action,
          title,
          channel: { $ref: '#/channels/realtime' },
          messages: messages.map(({ name }) => ({ $ref: `#/channels/realtime/messages/${name}` })),
        },
      ]),
    ),
    components: {
      schemas: Object.assign({}, ...sides.map(({ schemas }) => schemas)) as Record<string, Schema>,
    },
  }
}
export type SocketDocument = ReturnType<typeof socketDocument>

/** The messages of a union, and the schemas they share. */
function messagesOf(union: z.ZodType): { messages: Message[]; schemas: Record<string, Schema> } {
  const { anyOf, oneOf, $defs } = z.toJSONSchema(union, { io: 'input' }) as Schema
  const schemas = ($defs ?? {}) as Record<string, Schema>
  const payloads = oneOf ?? anyOf ?? []
  for (const schema of [...payloads, ...Object.values(schemas)]) {
    withoutNoise(schema)
    rebaseRefs(schema, '#/components/schemas/')
  }
  const { byName } = examplesFrom(Date.now())
  const resolve = (ref: string) => schemas[nameOf(ref)]
  const messages = payloads.map((payload) => {
    const name = String(payload.properties?.type?.const) as ServerMessage['type']
    const example = { payload: sampleOf(payload, (field) => byName[field], resolve) }
    return { name, summary: MESSAGE_NOTES[name], payload, examples: [example] }
  })
  return { messages, schemas }
}

/** Points references to `base` instead of `$defs`. */
function rebaseRefs(value: unknown, base: string): void {
  if (typeof value !== 'object' || value === null) return
  const schema = value as Schema
  if (typeof schema.id === 'string') delete schema.id
  if (schema.$ref) schema.$ref = base + nameOf(schema.$ref)
  for (const inner of Object.values(schema)) rebaseRefs(inner, base)
}

const nameOf = (ref: string): string => ref.split('/').at(-1) ?? ''

/** Renders the document as a static page, with a table of fields and an example for each message. */
export function socketPage({ info, channels, operations }: SocketDocument): string {
  const sections = Object.values(operations).map(({ title, messages }) => {
    const shown = messages.flatMap(
      ({ $ref }) => channels.realtime.messages[$ref.split('/').at(-1) ?? ''] ?? [],
    )
    return `<section><h2>${escaped(title)}</h2>${shown.map(messageHtml).join('')}</section>`
  })
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(info.title)}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>WebSocket API, <code>GET /realtime</code></h1>
<p>${inline(info.description)}</p>
<p><a href="/swagger">REST API</a> · <a href="/swagger/socket/json">AsyncAPI document</a></p>
${sections.join('\n')}
</main>
</body>
</html>`
}

function messageHtml({ name, summary, payload, examples }: Message): string {
  const rows = Object.entries(payload.properties ?? {}).map(([field, schema]) => {
    const optional = payload.required?.includes(field) ? '' : ' <em>optional</em>'
    const type = `<code>${escaped(typeName(schema))}</code>`
    return `<tr><td><code>${field}</code>${optional}</td><td>${type}</td><td>${inline(schema.description ?? '')}</td></tr>`
  })
  const example = JSON.stringify(examples[0]?.payload, null, 2)
  return `<article id="${name}"><h3><a href="#${name}"><code>${name}</code></a></h3><p>${inline(summary)}</p>
<table><thead><tr><th>field</th><th>type</th><th>description</th></tr></thead><tbody>${rows.join('')}</tbody></table>
<pre>${escaped(example)}</pre></article>`
}

function typeName(schema: Schema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  if (schema.items) return `${typeName(schema.items)}[]`
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return choices.map(typeName).join(' | ')
  if (schema.$ref) return nameOf(schema.$ref)
  return schema.format ?? [schema.type].flat().join(' | ')
}

const escaped = (text: string) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
const inline = (text: string) => escaped(text).replace(/`([^`]+)`/g, '<code>$1</code>')

const STYLE = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem }
article { border-top: 1px solid #8884; padding: .5rem 0 1rem }
h2 { margin-top: 2.5rem } h3 a { color: inherit; text-decoration: none }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .2rem 1rem .2rem 0; vertical-align: top }
em { opacity: .6; font-size: .85em } code { font-size: .9em; overflow-wrap: anywhere }
pre { background: #8881; padding: .75rem; border-radius: .4rem; overflow: auto; font-size: .85em; max-height: 24rem }`
