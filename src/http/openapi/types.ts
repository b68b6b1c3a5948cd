/** The parts of OpenAPI 3.1 that the server uses. */

export type Schema = {
  $ref?: string
  type?: string | string[]
  format?: string
  pattern?: string
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  enum?: unknown[]
  const?: unknown
  default?: unknown
  example?: unknown
  examples?: unknown[]
  description?: string
  minimum?: number
  maximum?: number
  oneOf?: Schema[]
  anyOf?: Schema[]
  allOf?: Schema[]
  [keyword: string]: unknown
}
export type Parameter = {
  $ref?: string
  in?: string
  name?: string
  required?: boolean
  description?: string
  schema?: Schema
}
export type Header = { $ref?: string; description?: string; required?: boolean; schema?: Schema }
export type Media = { schema?: Schema; example?: unknown; examples?: Record<string, unknown> }
export type Response = {
  $ref?: string
  description?: string
  headers?: Record<string, Header>
  content?: Record<string, Media>
}
export type Operation = {
  operationId?: string
  summary?: string
  description?: string
  tags?: string[]
  security?: Record<string, string[]>[]
  parameters?: Parameter[]
  requestBody?: { required?: boolean; content?: Record<string, Media> }
  responses: Record<string, Response>
}
export type Document = {
  openapi: string
  info: Record<string, unknown>
  servers: { url: string; description?: string }[]
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, Operation>>
  components: {
    schemas: Record<string, Schema>
    responses: Record<string, Response>
    parameters: Record<string, Parameter>
    headers: Record<string, Header>
    securitySchemes: Record<string, unknown>
  }
}

/** Removes redundant keywords from all schemas: patterns next to a format, and the bounds of safe integers. */
export function withoutNoise(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  const schema = value as Schema
  if (schema.format && schema.pattern) delete schema.pattern
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum
  for (const inner of Object.values(schema)) withoutNoise(inner)
}
