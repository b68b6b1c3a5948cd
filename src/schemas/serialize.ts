import type { z } from 'zod'

/** Validated outputs by input object. */
const validated = new WeakMap<object, object>()
/** JSON of validated outputs; null until first needed. */
const texts = new WeakMap<object, string | null>()

/**
 * Makes an output schema validate and serialise each object only once, which makes cached responses cheap. The objects must
 * not change afterwards.
 */
export function validatedOnce<T extends z.ZodType<object>>(schema: T): T {
  const parse = schema.parse.bind(schema)
  schema.parse = (given) => {
    const isObject = typeof given === 'object' && given !== null
    const known = isObject && validated.get(given)
    if (known) return known as z.output<T>
    const output = parse(given)
    if (isObject) {
      validated.set(given, output)
      texts.set(output, null)
    }
    return output
  }
  return schema
}

/**
 * Marks an output as valid without checking it. Only for objects built field by field under the compiler's eyes: validating
 * them would take longer than building them.
 * @param keepText caches the JSON, for outputs that are sent more than once
 */
export function validatedOutput<T extends object>(output: T, { keepText = false } = {}): T {
  validated.set(output, output)
  if (keepText) texts.set(output, null)
  return output
}

/** Serialises a response, from the cache if possible. */
export function textOf(data: unknown): string {
  const known = typeof data === 'object' && data !== null ? texts.get(data) : undefined
  if (known) return known
  const text = JSON.stringify(data) ?? 'null'
  if (known === null) texts.set(data as object, text)
  return text
}
