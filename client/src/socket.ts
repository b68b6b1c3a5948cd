import type { ClientMessage, ServerMessage } from './api'
import { type Connection, type ConnectionEvents, keyOf, type Subject } from './connection'
import type { Session } from './session'
import { AUTHENTICATE, createSocketAuthentication } from './socket-authentication'

/** Some proxies let a socket open and then pass nothing on. */
const HANDSHAKE_MS = 5000
/** After this long without a message the client requests one, and gives up if none arrives within ANSWER_MS. */
const SILENCE_MS = 45_000
const ANSWER_MS = 10_000
const CLOSE = { signedOut: 4401, tooManyMessages: 4408, tooManyErrors: 4409 }
const AFTER_ABUSE_MS = 30_000

type SocketOptions = { url: string; WebSocket: typeof WebSocket; session: Session }

export function connectSocket(
  { url, WebSocket, session }: SocketOptions,
  events: ConnectionEvents,
): Connection {
  const socket = new WebSocket(url)
  const asked = new Map<string, Subject>()
  let retryInMs: number | undefined
  let over = false

  const send = (message: ClientMessage) => {
    if (socket.readyState === 1) socket.send(JSON.stringify(message))
  }
  const authentication = createSocketAuthentication({
    session,
    send,
    isOver: () => over,
    // Boards that were sent before the sign-in carry no marks of the user.
    onRenewed: events.onReady,
  })
  const watchdog = createWatchdog(probe, end)

  function end(hangUp = () => socket.close()): void {
    if (over) return
    over = true
    watchdog.stop()
    authentication.stop()
    hangUp()
    events.onEnd(retryInMs)
  }

  function ask(subject: Subject): void {
    asked.set(keyOf(subject), subject)
    send(joinMessage(subject))
  }

  function probe(): void {
    for (const subject of asked.values()) ask(subject)
    if (asked.size === 0) void authentication.start()
  }

  async function receive(message: ServerMessage): Promise<void> {
    if (message.type === 'connection_confirmed') {
      await authentication.start()
      if (!over) events.onReady()
    } else if (message.type === 'authenticated') {
      authentication.accepted(message.expiresAt)
    } else if (message.type === 'server_closing') {
      retryInMs = message.reconnectInSeconds * 1000
    } else if (message.type !== 'error') {
      events.onMessage(message)
    } else if (message.requestId === AUTHENTICATE) {
      await authentication.refused(message.reason)
    } else {
      const subject = asked.get(message.requestId ?? '')
      if (subject) events.onRefused(subject, message)
    }
  }

  socket.onmessage = ({ data }) => {
    if (over) return
    watchdog.reset()
    void receive(JSON.parse(String(data)))
  }
  socket.onerror = () => end()
  socket.onclose = async ({ code }) => {
    if (code === CLOSE.signedOut) await authentication.renew()
    if (code === CLOSE.tooManyMessages || code === CLOSE.tooManyErrors) retryInMs = AFTER_ABUSE_MS
    end()
  }

  return {
    via: 'socket',
    ask,
    leave(subject, isLast) {
      asked.delete(keyOf(subject))
      // Leaving a calendar leaves all of its days, and an extra day costs little.
      if (isLast) send(leaveMessage(subject))
    },
    close() {
      if (socket.readyState === 1) return end()
      // Browsers log an error if a socket is closed before it has opened.
      end(() => {
        socket.onopen = () => socket.close()
      })
    },
  }
}

/** Calls `giveUp` unless `reset` is called within HANDSHAKE_MS, and later within ANSWER_MS of a `probe`. */
function createWatchdog(probe: () => void, giveUp: () => void): { reset(): void; stop(): void } {
  let timer = setTimeout(giveUp, HANDSHAKE_MS)
  return {
    reset() {
      clearTimeout(timer)
      timer = setTimeout(() => {
        probe()
        timer = setTimeout(giveUp, ANSWER_MS)
      }, SILENCE_MS)
    },
    stop: () => clearTimeout(timer),
  }
}

function joinMessage(subject: Subject): ClientMessage {
  const requestId = keyOf(subject)
  if ('locationId' in subject) return { type: 'join_location', ...subject, requestId }
  if (subject.spaceId === undefined) return { type: 'join_specialist', ...subject, requestId }
  return { type: 'join_space', ...subject, requestId }
}

function leaveMessage(subject: Subject): ClientMessage {
  if ('locationId' in subject) return { type: 'leave_location', ...subject }
  if (subject.spaceId !== undefined) return { type: 'leave_space', spaceId: subject.spaceId }
  return { type: 'leave_specialist', specialistId: subject.specialistId }
}
