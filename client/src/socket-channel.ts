import type { ClientMessage, ServerMessage } from './api'

/** Some proxies let a socket open and then pass nothing on. */
const HANDSHAKE_MS = 5000
/** After this long without a message the client requests one, and gives up if none arrives within ANSWER_MS. */
const SILENCE_MS = 45_000
const ANSWER_MS = 10_000

type Handlers = {
  onMessage(message: ServerMessage): void
  /** Must make the server send any message. */
  onSilence(): void
  /** The server or the network closed the socket. `onEnd` follows. */
  onClose(code: number): Promise<void>
  onEnd(): void
}

export type SocketChannel = {
  send(message: ClientMessage): void
  isOver(): boolean
  close(): void
}

/** Sends and receives JSON messages over one WebSocket, and ends it if the server no longer responds. */
export function openSocketChannel(
  url: string,
  WebSocket: typeof globalThis.WebSocket,
  handlers: Handlers,
): SocketChannel {
  const socket = new WebSocket(url)
  const watchdog = createWatchdog(handlers.onSilence, end)
  let over = false

  function end(hangUp = () => socket.close()): void {
    if (over) return
    over = true
    watchdog.stop()
    hangUp()
    handlers.onEnd()
  }

  socket.onmessage = ({ data }) => {
    if (over) return
    watchdog.reset()
    handlers.onMessage(JSON.parse(String(data)))
  }
  socket.onerror = () => end()
  socket.onclose = async ({ code }) => {
    await handlers.onClose(code)
    end()
  }

  return {
    send(message) {
      if (socket.readyState === 1) socket.send(JSON.stringify(message))
    },
    isOver: () => over,
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
