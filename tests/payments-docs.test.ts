import { afterAll, expect, test } from 'bun:test'
import { DAY } from '../src/lib/time'
import type { Board } from '../src/schemas/slots'
import type { Space } from '../src/schemas/spaces'
import { startTestServer, stopTestServers } from './support/world'

afterAll(stopTestServers)

/** The demo room that docs/payments.md books, at 18.00 an hour. */
const ROOM = 'Sala Leonardo'

test('the steps in docs/payments.md return the documented responses', async () => {
  const { url } = await startTestServer({ queue: true, env: { SEED: 'demo' } })
  const known = new Map(Object.entries(await freeTime(url)))
  const steps = stepsOf(await Bun.file('docs/payments.md').text())
  expect(steps.length).toBe(8)
  for (const { method, path, body, expected } of steps) {
    const answer = await send(url, method, fill(path, known), body && fill(body, known), known.get('token'))
    learn(expected, answer, known)
    expect(cut(answer, expected)).toEqual(JSON.parse(fill(JSON.stringify(expected), known)))
  }
})

test('the payment steps in the README match docs/payments.md', async () => {
  const rows = (await Bun.file('README.md').text()).matchAll(
    /^\| .* \| `((?:POST|GET|DELETE) [^`]*)`.* \| `(\{.*\})` +\|$/gm,
  )
  const expected = stepsOf(await Bun.file('docs/payments.md').text()).map((step) => step.expected)
  const said = [...rows].map(([, , answer = '']) => JSON.parse(answer))
  expect(said.length).toBe(7)
  for (const answer of said) expect(expected.some((full) => Bun.deepMatch(answer, full as object))).toBe(true)
})

/** Two consecutive free slots, far enough ahead for a full refund. */
async function freeTime(url: string): Promise<{ spaceId: string; startsAt: string; endsAt: string }> {
  const get = async <T>(path: string) => (await (await fetch(`${url}/api${path}`)).json()) as T
  const { items } = await get<{ items: Space[] }>('/spaces?kind=meeting_room')
  const spaceId = String(items.find(({ name }) => name === ROOM)?.id)
  for (let day = 10; day < 20; day++) {
    const date = new Date(Date.now() + day * DAY).toISOString().slice(0, 10)
    const { slots } = await get<Board>(`/slots/${spaceId}/${date}`)
    const [first, second] = slots.filter(({ status }) => status === 'free')
    if (first && second) return { spaceId, startsAt: first.startsAt, endsAt: second.endsAt }
  }
  throw new Error('the demo room has no free time')
}

type Step = { method: string; path: string; body: string | undefined; expected: unknown }

function stepsOf(page: string): Step[] {
  return [...page.matchAll(/```http\n(\w+) (\S+)\n([^`]*)```\n\n```json\n([^`]+)```/g)].map(
    ([, method = '', path = '', body = '', json = '']) => ({
      method,
      path,
      body: body.trim() || undefined,
      expected: JSON.parse(json),
    }),
  )
}

const fill = (text: string, known: Map<string, string>) =>
  text.replace(/\{(\w+)\}/g, (whole, name) => known.get(name) ?? whole)

async function send(
  url: string,
  method: string,
  path: string,
  body: string | undefined,
  token: string | undefined,
) {
  const type = body?.startsWith('{') ? 'application/json' : 'application/x-www-form-urlencoded'
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...(body && { 'content-type': type }) },
    ...(body && { body }),
  })
  return (await response.json()) as unknown
}

/** Stores the value at each `{name}` of the expected response for later steps. */
function learn(expected: unknown, answer: unknown, known: Map<string, string>): void {
  if (typeof expected === 'string') {
    const name = /^\{(\w+)\}$/.exec(expected)?.[1]
    if (!name || known.has(name)) return
    known.set(name, String(answer))
    if (name === 'clientSecret') known.set('intentId', String(answer).split('_secret_')[0] ?? '')
  } else if (typeof expected === 'object' && expected !== null) {
    for (const [key, value] of Object.entries(expected))
      learn(value, (answer as Record<string, unknown> | undefined)?.[key], known)
  }
}

/** Keeps the fields that the page shows. `…` matches any text that is not empty. */
function cut(answer: unknown, expected: unknown): unknown {
  if (expected === '…') return typeof answer === 'string' && answer !== '' ? '…' : answer
  if (Array.isArray(expected))
    return Array.isArray(answer) ? answer.map((item, index) => cut(item, expected[index])) : answer
  if (typeof expected !== 'object' || expected === null || typeof answer !== 'object' || answer === null)
    return answer
  return Object.fromEntries(
    Object.entries(expected).map(([key, value]) => [
      key,
      cut((answer as Record<string, unknown>)[key], value),
    ]),
  )
}
