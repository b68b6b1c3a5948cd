export type TrpcUrl = { paths: string[]; isBatch: boolean; input: string | undefined }
const BATCH = 'batch=1'
const INPUT = 'input='

/**
 * Reads the forms that tRPC's own client sends: `a.b`, `a.b?input=…`, `a.b,c.d?batch=1&input=…`.
 * @returns undefined for any other form
 */
export function parseTrpcUrl(url: string, endpoint: string): TrpcUrl | undefined {
  const from = url.indexOf(endpoint, 8) + endpoint.length
  const mark = url.indexOf('?', from)
  const path = mark < 0 ? url.slice(from) : url.slice(from, mark)
  let query = mark < 0 ? '' : url.slice(mark + 1)
  const isBatch = query === BATCH || query.startsWith(`${BATCH}&`)
  if (isBatch) query = query.slice(BATCH.length + 1)
  const input = readQueryInput(query)
  if (input === null) return undefined
  return { paths: isBatch ? path.split(',') : [path], isBatch, input }
}

/** @returns null if the query holds anything but an input */
function readQueryInput(query: string): string | undefined | null {
  if (query === '') return undefined
  if (!query.startsWith(INPUT) || query.includes('&') || query.includes('+')) return null
  try {
    return decodeURIComponent(query.slice(INPUT.length))
  } catch {
    return null
  }
}

/**
 * The input of each call. A batch is an object with the calls' numbers as keys.
 * @returns undefined if the text is not JSON of that form
 */
export function readInputs(text: string | undefined, count: number, isBatch: boolean): unknown[] | undefined {
  let json: unknown
  try {
    json = text === undefined ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isBatch) return [json]
  if (json === undefined) return Array(count).fill(undefined)
  if (typeof json !== 'object' || json === null) return undefined
  const inputs = new Map(Object.entries(json))
  return Array.from({ length: count }, (_, index) => inputs.get(String(index)))
}
