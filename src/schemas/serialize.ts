import type { z } from 'zod'

/** What was found valid, by what was given; an answer that is given again is not looked at again. */
const validated = new WeakMap<object, object>()
/** The JSON of such answers; null until somebody asks for it. */
const texts = new WeakMap<object, string | null>()

/**
 * Makes a shape of outputs remember which objects it has found valid, so that an answer from the cache costs neither
 * another look nor another text. Such objects must never change once they were answered.
 */
export function validatedOnce<T extends z.ZodType<object>>(shape: T): T {
  const parse = shape.parse.bind(shape)
  shape.parse = (given) => {
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
  return shape
}

/**
 * Takes for valid what was made field by field as its type says: looking at each field again would take longer than making
 * them. What comes from anywhere else is looked at.
 * @param keepText whether it will be answered more than once, and its JSON is worth keeping
 */
export function validatedOutput<T extends object>(output: T, { keepText = false } = {}): T {
  validated.set(output, output)
  if (keepText) texts.set(output, null)
  return output
}

/** An answer as JSON. */
export function textOf(data: unknown): string {
  const known = typeof data === 'object' && data !== null ? texts.get(data) : undefined
  if (known) return known
  const text = JSON.stringify(data) ?? 'null'
  if (known === null) texts.set(data as object, text)
  return text
}
