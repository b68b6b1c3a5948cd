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

const MAX_BATCH = 50
const MAX_URL_LENGTH = 4000
const RETRY_DELAY = { minMs: 200, maxMs: 5000 }

/** The part of `fetch` that the client calls, so that a wrapper needs no other properties. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

export type LinkOptions = {
  url: string
  session: Session
  retries: number
  fetch: Fetch | undefined
  /** Receives the result of each mutation before the caller does. */
  onAnswer(path: string, answer: unknown): void | Promise<void>
}

/** The chain of tRPC links: idempotency key, retries, token renewal, and then a batch or a request of its own. */
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

/** Bun and browsers type stream readers differently, so `fetch` is cast. */
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
/** Sent without an access token: an expired one would make the server refuse the call that replaces it. */
const isSigningIn = ({ path }: Operation) => SIGNING_IN.includes(path)

function keyOf({ context }: Operation): string | undefined {
  const key = context.idempotencyKey
  return typeof key === 'string' ? key : undefined
}

/** Adds an idempotency key to each mutation that may be retried, unless the caller gave one. */
function keyLink(retries: number): TRPCLink<AppRouter> {
  return () =>
    ({ op, next }) => {
      const needsKey = op.type === 'mutation' && retries > 0 && !op.path.startsWith('auth.') && !keyOf(op)
      return next({ ...op, context: { ...op.context, ...(needsKey && { idempotencyKey: randomKey() }) } })
    }
}

/** `crypto.randomUUID` is missing on pages without TLS. */
const randomKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  )

const mayRepeat = (op: Operation) => op.type === 'query' || keyOf(op) !== undefined

function isPassing(error: { cause?: Error | undefined }): boolean {
  if (error.cause?.name === 'AbortError') return false
  const reason = reasonOf(error)
  return reason === undefined || reason === 'UNAVAILABLE' || reason === 'IN_PROGRESS'
}

/** Repeats a call once if its token was refused. All such calls share one renewal. */
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

/** Delays results until `onAnswer` has stored the new tokens, so that the caller's next call uses them. */
function answerLink(onAnswer: LinkOptions['onAnswer']): TRPCLink<AppRouter> {
  return () =>
    ({ op, next }) =>
      observable((observer) => {
        let handled = Promise.resolve()
        return next(op).subscribe({
          next({ result, context }) {
            const isAnswer = op.type === 'mutation' && 'data' in result
            if (isAnswer) handled = handled.then(() => onAnswer(op.path, result.data))
            handled = handled.catch(() => {}).then(() => observer.next({ result, context }))
          },
          error: (error) => observer.error(error),
          complete: () => void handled.then(() => observer.complete()),
        })
      })
}

export const isSignedIn = (answer: unknown): answer is SignedIn =>
  typeof answer === 'object' && answer !== null && 'accessToken' in answer && 'refreshToken' in answer
