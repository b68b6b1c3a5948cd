import { invalid } from './refusals'

export type Params = { [name: string]: string | Params | (string | Params)[] | undefined }

/** Far above any real call; they bound the work that one body can cause. */
const MAX_PARAMS = 1000
const MAX_DEPTH = 10

/** Parses Stripe's form encoding: `a[b][c]=d` and `expand[]=e`. Refuses too many or too deeply nested parameters. */
export function readForm(text: string): Params {
  const params: Params = {}
  const pairs = new URLSearchParams(text)
  if (pairs.size > MAX_PARAMS) throw invalid(`A request can have at most ${MAX_PARAMS} parameters.`)
  for (const [name, value] of pairs) {
    const path = name.split('[', MAX_DEPTH + 1).map((part) => part.replaceAll(']', ''))
    if (path.length > MAX_DEPTH) throw invalid('A parameter is nested too deeply.')
    put(params, path, value)
  }
  return toLists(params) as Params
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

/** Turns objects with the keys 0, 1, 2 … into lists. */
function toLists(params: Params): Params | (string | Params)[] {
  for (const [name, value] of Object.entries(params))
    if (typeof value === 'object' && !Array.isArray(value)) params[name] = toLists(value)
  const names = Object.keys(params)
  const isList = names.length > 0 && names.every((name, index) => name === String(index))
  return isList ? (Object.values(params) as (string | Params)[]) : params
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
