import type { StripeSandbox } from '../../src/sandbox/stripe'
import { payInBrowser } from './money'
import { at, type TestPerson } from './world'

/** The servers, users and spaces that the load uses. */
export type Stage = {
  urls: () => string[]
  people: Pick<TestPerson, 'token'>[]
  sandbox: StripeSandbox
  spaceId: string
  paidSpaceId: string
}

type Answer = { status: number; body: Record<string, unknown> }
/** An unexpected error response. The server's log should contain its request id. */
export type Failure = { status: number; requestId: string; text: string }

export type Load = {
  /** Bookings that were confirmed to users; `unsure` ones may have been cancelled since. */
  confirmed: Map<string, 'confirmed' | 'unsure'>
  failures: Failure[]
  done(): number
  /** Whether a whole booking was made through a server since a moment. */
  doneSince(url: string, moment: number): boolean
  stop(): Promise<void>
}

/** The number of hours that most users compete for. */
const CONTESTED_HOURS = 12
const PATIENCE_MS = 3000

/** Users hold, book, pay, cancel and read, through all servers in turn, until `stop`. */
export function startLoad(stage: Stage): Load {
  let going = true
  let done = 0
  let hour = CONTESTED_HOURS
  const confirmed: Load['confirmed'] = new Map()
  const failures: Failure[] = []
  const lastBegun = new Map<string, number>()

  /** Returns undefined if no response arrives in time. */
  async function ask(url: string, method: string, token: string, body?: object): Promise<Answer | undefined> {
    const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) }
    try {
      const signal = AbortSignal.timeout(PATIENCE_MS)
      const request = { method, headers, signal, ...(body && { body: JSON.stringify(body) }) }
      const response = await fetch(url, request)
      const text = await response.text()
      const answer = { status: response.status, body: parsed(text) }
      const requestId = response.headers.get('x-request-id') ?? ''
      const expected = response.ok || (answer.body.reason && answer.body.reason !== 'INTERNAL')
      if (!expected) failures.push({ status: response.status, requestId, text })
      return answer
    } catch {
      return undefined
    }
  }

  async function book(api: string, token: string, keeps: boolean): Promise<boolean> {
    const startsAt = at(keeps ? hour++ : Math.floor(Math.random() * CONTESTED_HOURS))
    const held = await ask(`${api}/bookings`, 'POST', token, { spaceId: stage.spaceId, startsAt })
    if (held?.status !== 200) return false
    const id = String(held.body.id)
    const answer = await ask(`${api}/bookings/${id}/confirm`, 'POST', token)
    if (answer?.status !== 200) return false
    confirmed.set(id, keeps ? 'confirmed' : 'unsure')
    if (keeps) return true
    const cancelled = await ask(`${api}/bookings/${id}`, 'DELETE', token)
    if (cancelled?.status === 200) confirmed.delete(id)
    return cancelled?.status === 200
  }

  async function pay(api: string, token: string): Promise<boolean> {
    const held = await ask(`${api}/bookings`, 'POST', token, {
      spaceId: stage.paidSpaceId,
      startsAt: at(hour++),
    })
    if (held?.status !== 200) return false
    const bookingId = held.body.id
    const intent = await ask(`${api}/payments/create-payment-intent`, 'POST', token, { bookingId })
    if (intent?.status !== 200) return false
    await payInBrowser(stage, {
      clientSecret: String(intent.body.clientSecret),
      publishableKey: stage.sandbox.publishableKey,
    })
    const paid = await ask(`${api}/payments/confirm`, 'POST', token, { bookingId })
    return paid?.status === 200
  }

  const running = stage.people.map(async ({ token }, person) => {
    for (let turn = person; going; turn++) {
      const urls = stage.urls()
      const url = urls[turn % urls.length] ?? ''
      const api = `${url}/api`
      const begun = performance.now()
      await ask(`${api}/slots/${stage.spaceId}/${at(0).slice(0, 10)}`, 'GET', token)
      const worked = turn % 3 === 1 ? await pay(api, token) : await book(api, token, turn % 3 === 0)
      if (worked) {
        done += 1
        lastBegun.set(url, Math.max(begun, lastBegun.get(url) ?? 0))
      } else await Bun.sleep(20)
    }
  })
  return {
    confirmed,
    failures,
    done: () => done,
    doneSince: (url, moment) => (lastBegun.get(url) ?? 0) >= moment,
    async stop() {
      going = false
      await Promise.all(running)
    },
  }
}

function parsed(text: string): Answer['body'] {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}
