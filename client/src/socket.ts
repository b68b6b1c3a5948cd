import type { ClientMessage, ServerMessage } from './api'
import { type Connection, type ConnectionEvents, keyOf, type Subject } from './connection'
import type { Session } from './session'
import { AUTHENTICATE, createSocketAuthentication } from './socket-authentication'
import { openSocketChannel } from './socket-channel'

const CLOSE = { signedOut: 4401, tooManyMessages: 4408, tooManyErrors: 4409 }
const AFTER_ABUSE_MS = 30_000

type SocketOptions = { url: string; WebSocket: typeof WebSocket; session: Session }

export function connectSocket(
  { url, WebSocket, session }: SocketOptions,
  events: ConnectionEvents,
): Connection {
  const asked = new Map<string, Subject>()
  let retryInMs: number | undefined

  const channel = openSocketChannel(url, WebSocket, {
    onMessage: (message) => void receive(message),
    onSilence() {
      for (const subject of asked.values()) ask(subject)
      if (asked.size === 0) void authentication.start()
    },
    async onClose(code) {
      if (code === CLOSE.signedOut) await authentication.renew()
      if (code === CLOSE.tooManyMessages || code === CLOSE.tooManyErrors) retryInMs = AFTER_ABUSE_MS
    },
    onEnd() {
      authentication.stop()
      events.onEnd(retryInMs)
    },
  })
  const authentication = createSocketAuthentication({
    session,
    send: channel.send,
    isOver: channel.isOver,
    // Boards that were sent before the sign-in carry no marks of the user.
    onRenewed: () => events.onReady(),
  })

  async function receive(message: ServerMessage): Promise<void> {
    if (message.type === 'connection_confirmed') {
      await authentication.start()
      if (!channel.isOver()) events.onReady()
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

  function ask(subject: Subject): void {
    asked.set(keyOf(subject), subject)
    channel.send(joinMessage(subject))
  }

  return {
    via: 'socket',
    ask,
    leave(subject, isLast) {
      asked.delete(keyOf(subject))
      // Leaving a calendar leaves all of its days, and an extra day costs little.
      if (isLast) channel.send(leaveMessage(subject))
    },
    close: channel.close,
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
