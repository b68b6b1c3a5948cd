import { expect, test } from 'bun:test'
import { root } from '../src/lib/project-root'
import { proving } from './support/proof'
import { hasRedis, whyNoRedis } from './support/redis'

/** Test files whose guarantees must also hold on two servers. */
const some = ['bookings', 'claims', 'idempotency', 'checkIns']
const all = [
  ...some,
  'accounts',
  'attendance',
  'boards',
  'closures',
  'event-claims',
  'events',
  'locations',
  'moves',
  'payments',
  'races',
  'refunds',
  'reviews',
  'services',
  'sessions',
  'spaces',
  'specialists',
]

test.skipIf(!hasRedis)(
  `two servers with Redis pass the tests of one: ${(proving ? all : some).join(', ')} ${whyNoRedis}`,
  async () => {
    const files = (proving ? all : some).map((name) => `./tests/${name}.test.ts`)
    const child = Bun.spawn([process.execPath, 'test', '--timeout=60000', ...files], {
      cwd: root,
      // The default size: `bun run prove` runs these files in full on one server.
      env: { ...process.env, TEST_SERVERS: '2', PROVE: '' },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [written, said] = await Promise.all([child.stdout.text(), child.stderr.text()])
    if ((await child.exited) !== 0)
      throw new Error(`two servers fail tests that one server passes:\n${written}${said}`)
    expect(said).toMatch(/\n *[1-9]\d* pass\n *0 fail\n/)
  },
  proving ? 900_000 : 240_000,
)
