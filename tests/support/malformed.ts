import fc from 'fast-check'
import { z } from 'zod'

/** Values that break code that trusts its input. */
const NASTY: unknown[] = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  'x\udfffy',
  '\u202e',
  '\ufeff',
  "'; DROP TABLE users; --",
  '%_\\',
  '{}',
  '../../etc/passwd',
  'x'.repeat(5000),
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59Z',
  '+275760-09-13T00:00:00Z',
  '2027-02-30T09:00:00Z',
  '2027-01-04T25:00:00Z',
  '2027-01-04T09:00:00+99:99',
  '2027-01-04',
  '2027-02-29',
  '0000-00-00',
  '9999-12-31',
  '00000000-0000-0000-0000-000000000000',
  '019a7d3e-5b1c-7c00-8000-000000000001',
  '019a7d3e-5b1c-7c00-8000-00000000000g',
  '019a7d3e-5b1c-7c00-8000-000000000001@2027-01-04T09:00:00Z',
  '019a7d3e-5b1c-7c00-8000-000000000001@',
  '@2027-01-04T09:00:00Z',
  'infinity',
  'NaN',
  'null',
  0,
  -0,
  -1,
  0.1,
  1e-320,
  1e308,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 53,
  2 ** 63,
  null,
  true,
  false,
  [],
  [[]],
  [null],
  {},
  { length: 1e9 },
  { toString: 'no function' },
  { toJSON: null },
]

const deep = (levels: number): unknown => {
  let value: unknown = 'deep'
  for (let level = 0; level < levels; level++) value = level % 2 ? [value] : { a: value }
  return value
}

/** Any JSON value, plain or nasty. */
const value: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...NASTY) },
  { weight: 2, arbitrary: fc.jsonValue() },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 1, arbitrary: fc.constantFrom(deep(50), deep(2000)) },
)

/** Names of built-in properties, and random names. */
const strangeName = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'then',
    '',
    '0',
    '\0',
  ),
  fc.string(),
)

/** Defines own properties, because assigning `__proto__` would set the prototype. */
function objectOf(entries: Iterable<readonly [string, unknown]>): Record<string, unknown> {
  const made: Record<string, unknown> = {}
  for (const [name, field] of entries)
    Object.defineProperty(made, name, { value: field, enumerable: true, configurable: true, writable: true })
  return made
}

/** A value that the schema accepts, so that validation reaches the other fields. */
function plausible(schema: z.ZodType): unknown {
  const { example } = (schema.meta() ?? {}) as { example?: unknown }
  if (example !== undefined) return example
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault)
    return plausible(schema.unwrap() as z.ZodType)
  if (schema instanceof z.ZodEnum) return schema.options[0]
  if (schema instanceof z.ZodLiteral) return schema.value
  if (schema instanceof z.ZodNumber) return Math.max(1, schema.minValue ?? 1)
  if (schema instanceof z.ZodBoolean) return true
  if (schema instanceof z.ZodArray) return []
  return 'plausible'
}

const shapeOf = (schema: z.ZodType | undefined): Record<string, z.ZodType> => {
  if (schema instanceof z.ZodOptional) return shapeOf(schema.unwrap() as z.ZodType)
  return schema instanceof z.ZodObject ? (schema.shape as Record<string, z.ZodType>) : {}
}

/** Inputs for a schema with missing, wrong or extra fields, or of another type. */
export function inputsFor(schema: z.ZodType | undefined): fc.Arbitrary<unknown> {
  const fields = Object.entries(shapeOf(schema)).map(([name, type]) =>
    fc.oneof(
      { weight: 4, arbitrary: fc.constant([[name, plausible(type)]] as const) },
      { weight: 4, arbitrary: value.map((wrong) => [[name, wrong]] as const) },
      { weight: 3, arbitrary: fc.constant([] as const) },
    ),
  )
  const extra = fc.array(fc.tuple(strangeName, value), { maxLength: 1 })
  const object = fc
    .tuple(fc.tuple(...fields), extra)
    .map(([known, unknown]) => objectOf([...known.flat(), ...unknown]))
  return fc.oneof({ weight: 8, arbitrary: object }, { weight: 1, arbitrary: value })
}

/** Bodies that are not JSON or do not match their content type. */
export const bodies = fc.constantFrom(
  { type: 'application/json', body: '{' },
  { type: 'application/json', body: '{"a":1}}' },
  { type: 'application/json', body: '\ufeff{}' },
  { type: 'application/json', body: '\0' },
  { type: 'application/json', body: '[' },
  { type: 'application/json', body: '[]' },
  { type: 'application/json', body: 'null' },
  { type: 'application/json', body: '"text"' },
  { type: 'application/json', body: '1e999' },
  { type: 'application/json', body: '[1'.repeat(10_000) },
  { type: 'application/json', body: `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}` },
  { type: 'application/json', body: `{"a":"${'x'.repeat(1_200_000)}"}` },
  { type: 'application/json; charset=utf-16', body: '{"a":1}' },
  { type: 'application/x-www-form-urlencoded', body: '__proto__[a]=1&b=2' },
  { type: 'multipart/form-data; boundary=x', body: '--x\r\nnot a part' },
  { type: 'multipart/form-data', body: 'no boundary' },
  { type: 'text/plain', body: 'text' },
  { type: 'application/octet-stream', body: '\u0001\u0002' },
  { type: 'application/xml', body: '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>' },
  { type: 'nonsense', body: '{}' },
)
