export type Params = { [name: string]: string | Params | (string | Params)[] | undefined }

/** Reads `a[b][c]=d` and `expand[]=e`, the way in which Stripe's API takes parameters. */
export function readForm(text: string): Params {
  const params: Params = {}
  for (const [name, value] of new URLSearchParams(text))
    put(params, name.replaceAll(']', '').split('['), value)
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
