/** A process of its own with many sockets that watch one space: `bun bench/watchers.ts PORT SPACE DATE SOCKETS`. */
const [port, spaceId, date, count] = process.argv.slice(2)
let received = 0
let joined = 0

await Promise.all(
  Array.from({ length: Number(count) }, async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/realtime`)
    const ready = Promise.withResolvers<void>()
    socket.onmessage = ({ data }) => {
      // Enough of a message to know it by: parsing a thousand copies would measure the reader.
      const start = String(data).slice(0, 40)
      if (start.includes('slot_update')) received += 1
      else if (start.includes('slots_status_update')) {
        joined += 1
        ready.resolve()
      }
    }
    socket.onopen = () => socket.send(JSON.stringify({ type: 'join_space', spaceId, date }))
    await ready.promise
  }),
)
process.send?.({ joined })
process.on('message', () => process.send?.({ received }))

export {}
