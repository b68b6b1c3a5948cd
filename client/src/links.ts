import {
  httpBatchLink,
  httpLink,
  httpSubscriptionLink,
  type Operation,
  retryLink,
  splitLink,
  type TRPCLink,
} from '@trpc/client'
import { observable } from '@trpc/server/observable'
import { EventSource } from 'eventsource'
import type { AppRouter, SignedIn } from './api'
import { backoffMs } from './backoff'
import { reasonOf } from './errors'
import type { Session } from './session'

/** As many calls as the server takes in one request. */
const MAX_BATCH = 50
const MAX_URL_LENGTH = 4000
const RETRY_DELAY = { minMs: 200, maxMs: 5000 }

/** What is used of `fetch`: a wrapper need not have its other properties. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

export type LinkOptions = {
  url: string
  session: Session
  /** How often a call is tried again that the network has lost; 0 for never. */
  retries: number
  fetch: Fetch | undefined
  /** Hears every answer, before the caller does. */
  onAnswer(path: string, answer: unknown): void | Promise<void>
}

/** The way of a call: it gets a key, is tried again, with a new token where the old one has expired, alone or in a batch. */
export function createLinks({ url, session, retries, fetch, onAnswer }: LinkOptions): TRPCLink<AppRouter>[] {
  const transport = transportOf(url, fetch)
  const headersOf = async (ops: readonly Operation[]) => {
    const token = await session.token()
    for (const op of ops) op.context.sentToken = token
    return token === undefined ? {} : { authorization: `Bearer ${token}` }
  }
  const goesAlone = (op: Operation) => isSigningIn(op) || keyOf(op) !== undefined
  return [
    answerLink(onAnswer),
    keyLink(retries),
    retryLink({
      retry: ({ op, attempts, error }) => attempts <= retries && mayRepeat(op) && isPassing(error),
      retryDelayMs: (attempts) => backoffMs(attempts, RETRY_DELAY),
    }),
    renewalLink(session),
    splitLink({
      condition: (op) => op.type === 'subscription',
      true: httpSubscriptionLink({
        ...transport,
        EventSource,
        eventSourceOptions: fetch ? { fetch: fetch as never } : {},
      }),
      false: splitLink({
        condition: goesAlone,
        true: httpLink({
          ...transport,
          headers: async ({ op }) => {
            const key = keyOf(op)
            return isSigningIn(op)
              ? {}
              : { ...(await headersOf([op])), ...(key !== undefined && { 'idempotency-key': key }) }
          },
        }),
        false: httpBatchLink({
          ...transport,
          maxItems: MAX_BATCH,
          maxURLLength: MAX_URL_LENGTH,
          headers: ({ opList }) => headersOf(opList),
        }),
      }),
    }),
  ]
}

/** The typings of Bun and of browsers differ in what a stream's reader is, so the type of `fetch` is left aside. */
export const transportOf = (url: string, own: Fetch | undefined) => ({
  url,
  ...(own && { fetch: own as never }),
})

const SIGNING_IN = [
  'auth.register',
  'auth.login',
  'auth.telegram',
  'auth.forgotPassword',
  'auth.resetPassword',
  'auth.refresh',
  'auth.logout',
]
/** These carry no access token: an expired one would refuse the very call that replaces it. */
const isSigningIn = ({ path }: Operation) => SIGNING_IN.includes(path)

function keyOf({ context }: Operation): string | undefined {
  const key = context.idempotencyKey
  return typeof key === 'string' ? key : undefined
}

/** A mutation that may be sent twice must not happen twice: it carries a key, the caller's own or a new one. */
function keyLink(retries: number): TRPCLink<AppRouter> {
  return () =>
    ({ op, next }) => {
      const needsKey = op.type === 'mutation' && retries > 0 && !op.path.startsWith('auth.') && !keyOf(op)
      return next({ ...op, context: { ...op.context, ...(needsKey && { idempotencyKey: randomKey() }) } })
    }
}

/** Not `crypto.randomUUID`, which pages without TLS do not have. */
const randomKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  )

const mayRepeat = (op: Operation) => op.type === 'query' || keyOf(op) !== undefined

/** The network, a proxy, or a server that says itself that it will pass. */
function isPassing(error: { cause?: Error | undefined }): boolean {
  if (error.cause?.name === 'AbortError') return false
  const reason = reasonOf(error)
  return reason === undefined || reason === 'UNAVAILABLE' || reason === 'IN_PROGRESS'
}

/** A call whose token was refused waits for the one renewal that all such calls share, and goes again, once. */
function renewalLink(session: Session): TRPCLink<AppRouter> {
  return () =>
    ({ op, next }) =>
      observable((observer) => {
        let over = false
        let current: { unsubscribe(): void } | undefined
        function send(isTokenNew: boolean): void {
          current = next(op).subscribe({
            next: (value) => observer.next(value),
            complete: () => observer.complete(),
            async error(error) {
              const { sentToken } = op.context
              const sent = typeof sentToken === 'string' ? sentToken : undefined
              const renewed = await session.refused(sent, reasonOf(error), isTokenNew)
              if (over) return
              if (renewed) send(true)
              else observer.error(error)
            },
          })
        }
        send(false)
        return () => {
          over = true
          current?.unsubscribe()
        }
      })
}

/** Tokens are kept before the caller goes on, so that its next call carries them. */
function answerLink(onAnswer: LinkOptions['onAnswer']): TRPCLink<AppRouter> {
  return () =>
    ({ op, next }) =>
      observable((observer) => {
        let heard = Promise.resolve()
        return next(op).subscribe({
          next({ result, context }) {
            const isAnswer = op.type === 'mutation' && 'data' in result
            if (isAnswer) heard = heard.then(() => onAnswer(op.path, result.data))
            heard = heard.catch(() => {}).then(() => observer.next({ result, context }))
          },
          error: (error) => observer.error(error),
          complete: () => void heard.then(() => observer.complete()),
        })
      })
}

/** True for the answer of a call that signs in. */
export const isSignedIn = (answer: unknown): answer is SignedIn =>
  typeof answer === 'object' && answer !== null && 'accessToken' in answer && 'refreshToken' in answer
