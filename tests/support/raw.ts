import { connect, type Socket } from 'node:net'
import type { RunningServer } from '../../src/server'

type Upgrade = { path?: string; headers?: Record<string, string> }

/** Requests a WebSocket over a bare connection. @returns the response and the paused socket */
export async function upgrade({ url }: RunningServer, { path = '/realtime', headers = {} }: Upgrade = {}) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const lines = Object.entries({
    host: `${hostname}:${port}`,
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  const head = await readHead(socket)
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1])
  const header = (name: string) => new RegExp(`^${name}: (.*)\r$`, 'im').exec(head)?.[1]
  return { status, header, head, socket }
}

function readHead(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    socket.on('error', reject)
    socket.on('data', function read(data) {
      text += data.toString('latin1')
      if (!text.includes('\r\n\r\n')) return
      socket.pause()
      socket.off('data', read)
      resolve(text)
    })
  })
}

/** A client's text frame, masked with zeros. */
export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  const length =
    payload.length < 126
      ? Buffer.from([0x80 | payload.length])
      : Buffer.from([0x80 | 126, payload.length >> 8, payload.length & 0xff])
  return Buffer.concat([Buffer.from([0x81]), length, Buffer.alloc(4), payload])
}
