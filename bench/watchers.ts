/**
 * A process with many sockets that watch spaces: `bun bench/watchers.ts PORT SPACE,SPACE… DATE`. On the message `{ sockets }`
 * it opens that many more, spread over the spaces, and replies `{ joined }` when all have received their board. On `{}` it replies with the number of
 * changes received. It searches raw bytes, because parsing thousands of copies would dominate the measurement.
 */
const [port, spaceIds = '', date] = process.argv.slice(2)
const BOARD = Buffer.from('"slots_status_update"')
const CHANGE = Buffer.from('"type":"slot_update"')
const OVERLAP = Math.max(BOARD.length, CHANGE.length) - 1

type Watcher = { join: Buffer; greeted: boolean; rest: Buffer; boards: number; onBoard: () => void }
let received = 0

const UPGRADE = [
  'GET /realtime HTTP/1.1',
  `host: 127.0.0.1:${port}`,
  'upgrade: websocket',
  'connection: Upgrade',
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-version: 13',
  '\r\n',
].join('\r\n')
const joins = spaceIds
  .split(',')
  .map((spaceId) => frameOf(JSON.stringify({ type: 'join_space', spaceId, date })))

/** A client's text frame, masked with zeros and padded to the 126 bytes that need the two-byte length. */
function frameOf(text: string): Buffer {
  const padded = Buffer.from(text.padEnd(126))
  return Buffer.concat([
    Buffer.from([0x81, 0xfe, padded.length >> 8, padded.length & 0xff, 0, 0, 0, 0]),
    padded,
  ])
}

function count(bytes: Buffer, word: Buffer): number {
  let found = 0
  for (let at = bytes.indexOf(word); at >= 0; at = bytes.indexOf(word, at + word.length)) found += 1
  return found
}

function receive(socket: Bun.Socket<Watcher>, chunk: Buffer): void {
  const { data } = socket
  const bytes = data.rest.length > 0 ? Buffer.concat([data.rest, chunk]) : chunk
  if (!data.greeted && bytes.includes('\r\n\r\n')) {
    data.greeted = true
    socket.write(data.join)
  }
  // The last bytes may begin a match, so they wait for the next chunk. Counted bytes do not wait and count once.
  received += count(bytes, CHANGE)
  if (data.boards === 0 && count(bytes, BOARD) > 0) {
    data.boards = 1
    data.onBoard()
  }
  const last = bytes.lastIndexOf(CHANGE)
  const counted = last < 0 ? 0 : last + CHANGE.length
  data.rest = Buffer.from(bytes.subarray(Math.max(counted, bytes.length - OVERLAP)))
}

async function open(sockets: number): Promise<void> {
  const joined = Array.from({ length: sockets }, (_, n) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const join = joins[n % joins.length] ?? Buffer.alloc(0)
    const data: Watcher = { join, greeted: false, rest: Buffer.alloc(0), boards: 0, onBoard: resolve }
    void Bun.connect<Watcher>({
      hostname: '127.0.0.1',
      port: Number(port),
      data,
      socket: { data: receive, open: (socket) => void socket.write(UPGRADE) },
    })
    return promise
  })
  await Promise.all(joined)
}

process.on('message', async ({ sockets }: { sockets?: number }) => {
  if (sockets === undefined) process.send?.({ received })
  else {
    // In batches, because the server's accept queue is limited.
    for (let left = sockets; left > 0; left -= 200) await open(Math.min(200, left))
    process.send?.({ joined: sockets })
  }
})

export {}
