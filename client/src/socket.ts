import type { ClientMessage, ServerMessage } from './api'
import { type Connection, type ConnectionEvents, keyOf, type Subject } from './connection'
import type { Session } from './session'

/** A proxy that lets a socket open and then nothing through is no way to the server. */
const HANDSHAKE_MS = 5000
/** So long before its end an access token is replaced, so that the socket never has to be. */
const RENEW_BEFORE_MS = 60_000
/** After so long without a word the server is asked for one, and has so long to answer. */
const SILENCE_MS = 45_000
const ANSWER_MS = 10_000
/** The longest that timers can wait. */
const LONGEST_MS = 2 ** 31 - 1
const CLOSE = { signedOut: 4401, tooManyMessages: 4408, tooManyErrors: 4409 }
const AFTER_ABUSE_MS = 30_000

type SocketOptions = { url: string; WebSocket: typeof WebSocket; session: Session }

/** All that is watched over one WebSocket, which speaks for whoever is signed in. */
export function connectSocket(
  { url, WebSocket, session }: SocketOptions,
  events: ConnectionEvents,
): Connection {
  const socket = new WebSocket(url)
  const asked = new Map<string, Subject>()
  let token: string | undefined
  /** Whether the token has replaced one that was refused. */
  let isTokenNew = false
  let renewal: ReturnType<typeof setTimeout> | undefined
  let retryInMs: number | undefined
  let over = false
  let silence = setTimeout(end, HANDSHAKE_MS)

  const send = (message: ClientMessage) => {
    if (socket.readyState === 1) socket.send(JSON.stringify(message))
  }

  function end(hangUp = () => socket.close()): void {
    if (over) return
    over = true
    clearTimeout(silence)
    clearTimeout(renewal)
    hangUp()
    events.onEnd(retryInMs)
  }

  function ask(subject: Subject): void {
    const requestId = keyOf(subject)
    asked.set(requestId, subject)
    if ('locationId' in subject) send({ type: 'join_location', ...subject, requestId })
    else if (subject.spaceId === undefined) send({ type: 'join_specialist', ...subject, requestId })
    else send({ type: 'join_space', ...subject, requestId })
  }

  function listenOn(): void {
    clearTimeout(silence)
    silence = setTimeout(() => {
      for (const subject of asked.values()) ask(subject)
      if (asked.size === 0) void authenticate()
      silence = setTimeout(end, ANSWER_MS)
    }, SILENCE_MS)
  }

  async function authenticate(): Promise<void> {
    token = await session.token().catch(() => undefined)
    if (token !== undefined) send({ type: 'authenticate', token, requestId: 'authenticate' })
  }

  async function authenticateAgain(): Promise<void> {
    if (over) return
    await authenticate()
    // The boards that were given to nobody in particular mark nothing as one's own.
    events.onReady()
  }

  async function receive(message: ServerMessage): Promise<void> {
    if (message.type === 'connection_confirmed') {
      await authenticate()
      if (!over) events.onReady()
    } else if (message.type === 'authenticated') {
      isTokenNew = false
      const wait = Date.parse(message.expiresAt) - Date.now() - RENEW_BEFORE_MS
      clearTimeout(renewal)
      renewal = setTimeout(
        async () => (await session.renew(token)) && authenticateAgain(),
        Math.min(Math.max(wait, 1000), LONGEST_MS),
      )
    } else if (message.type === 'server_closing') {
      retryInMs = message.reconnectInSeconds * 1000
    } else if (message.type === 'error') {
      const subject = asked.get(message.requestId ?? '')
      if (message.requestId !== 'authenticate') {
        if (subject) events.onRefused(subject, message)
      } else if (await session.refused(token, message.reason, isTokenNew)) {
        isTokenNew = true
        await authenticateAgain()
      }
    } else {
      events.onMessage(message)
    }
  }

  socket.onmessage = ({ data }) => {
    if (over) return
    listenOn()
    void receive(JSON.parse(String(data)))
  }
  socket.onerror = () => end()
  socket.onclose = async ({ code }) => {
    if (code === CLOSE.signedOut) await session.renew(token)
    if (code === CLOSE.tooManyMessages || code === CLOSE.tooManyErrors) retryInMs = AFTER_ABUSE_MS
    end()
  }

  return {
    via: 'socket',
    ask,
    leave(subject, isLast) {
      asked.delete(keyOf(subject))
      // It leaves all days of a calendar at once; one day too many costs little.
      if (!isLast) return
      if ('locationId' in subject) send({ type: 'leave_location', ...subject })
      else if (subject.spaceId !== undefined) send({ type: 'leave_space', spaceId: subject.spaceId })
      else send({ type: 'leave_specialist', specialistId: subject.specialistId })
    },
    close() {
      if (socket.readyState === 1) return end()
      // A browser complains in its console of a socket that is closed before it has opened.
      end(() => {
        socket.onopen = () => socket.close()
      })
    },
  }
}
