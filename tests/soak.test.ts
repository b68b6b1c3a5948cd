import { expect, test } from 'bun:test'
import { soak } from '../bench/soak'
import { proving, sized } from './support/proof'

const sockets = sized(200, 5000)
const connections = sized(16, 64)
const seconds = sized(10, 300)

test(
  `${sockets} sockets and ${connections} clients for ${seconds} s: no error, no lost socket, steady memory`,
  async () => {
    const { calls, errors, heard, lost, megabytes } = await soak({ sockets, connections, seconds })
    process.stdout.write(`${calls} calls, ${heard} messages, ${megabytes.join(', ')} MB\n`)
    expect(errors).toEqual({})
    expect(lost).toBe(0)
    expect(heard).toBeGreaterThan(sockets)
    // Too short a run ends while the server still warms up.
    const [middle = 0, last = 0] = [megabytes[4], megabytes[9]]
    if (proving) expect(last).toBeLessThan(middle * 1.15)
  },
  (seconds + 120) * 1000,
)
