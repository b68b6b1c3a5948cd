import { invalid } from './refusals'

export type Params = { [name: string]: string | Params | (string | Params)[] | undefined }

/** No call of Stripe's that is used here comes near to these; without them one body could keep the server busy for ever. */
const MAX_PARAMS = 1000
const MAX_DEPTH = 10

/**
 * Reads `a[b][c]=d` and `expand[]=e`, the way in which Stripe's API takes parameters. What has too many of them, or
 * names one too deeply, is refused.
 */
export function readForm(text: string): Params {
  const params: Params = {}
  const given = new URLSearchParams(text)
  if (given.size > MAX_PARAMS) throw invalid(`A request has ${MAX_PARAMS} parameters at the most.`)
  for (const [name, value] of given) {
    const path = name.split('[', MAX_DEPTH + 1).map((part) => part.replaceAll(']', ''))
    if (path.length > MAX_DEPTH) throw invalid('A parameter is nested too deeply.')
    put(params, path, value)
  }
  return lists(params) as Params
}

function put(into: Params, [key = '', ...rest]: string[], value: string): void {
  const name = key === '' ? String(Object.keys(into).length) : key
  if (name === '__proto__') return
  if (rest.length === 0) {
    into[name] = value
    return
  }
  const inner = into[name]
  const next: Params = typeof inner === 'object' && !Array.isArray(inner) ? inner : {}
  into[name] = next
  put(next, rest, value)
}

/** An object whose names count from zero is a list. */
function lists(params: Params): Params | (string | Params)[] {
  for (const [name, value] of Object.entries(params))
    if (typeof value === 'object' && !Array.isArray(value)) params[name] = lists(value)
  const names = Object.keys(params)
  const counted = names.length > 0 && names.every((name, index) => name === String(index))
  return counted ? (Object.values(params) as (string | Params)[]) : params
}

export const text = (value: Params[string]): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined
export const number = (value: Params[string]): number | undefined => {
  const given = text(value)
  return given === undefined || !/^-?\d+$/.test(given) ? undefined : Number(given)
}
export const group = (value: Params[string]): Params =>
  typeof value === 'object' && !Array.isArray(value) ? value : {}
export const list = (value: Params[string]): string[] =>
  (Array.isArray(value) ? value : [value]).filter((item) => typeof item === 'string')
export const metadata = (value: Params[string]): Record<string, string> =>
  Object.fromEntries(
    Object.entries(group(value)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
