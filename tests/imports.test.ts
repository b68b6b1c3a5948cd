import { afterAll, expect, test } from 'bun:test'
import { rm } from 'node:fs/promises'

/** Folders, each with an import that its files must not write. */
const wrong: [from: string, what: string][] = [
  ['src/lib', '../db/client'],
  ['src/lib', '../schemas/users'],
  ['src/lib', '../services/bookings/hold'],
  ['src/db', '../services/bookings/hold'],
  ['src/db', '../schemas/bookings'],
  ['src/db', '../routers/bookings'],
  ['src/db/schema', '../../services/bookings/hold'],
  ['src/db', '../realtime/connections'],
  ['src/db', '../app'],
  ['src/schemas', '../services/bookings/hold'],
  ['src/schemas', '../trpc'],
  ['src/i18n', '../services/bookings/hold'],
  ['src/services', '../routers/bookings'],
  ['src/services/bookings', '../../routers/bookings'],
  ['src/services/bookings', '../../realtime/connections'],
  ['src/services/bookings', '../../cron/index'],
  ['src/services/bookings', '../../trpc'],
  ['src/services/bookings', '../../http/rest-handler'],
  ['src/services/bookings', '../../app'],
  ['src/services/bookings', '../../server'],
  ['src/services/bookings', 'elysia'],
  ['src/services/bookings', '@elysiajs/jwt'],
  ['src/services/bookings', '@trpc/server'],
  ['src/services/bookings', '../payments/sync-payment'],
  ['src/services/calendar', '../bookings/hold'],
  ['src/services/shared', '../users/users'],
  ['src/services/payments', '../privacy/delete-account'],
  ['src/routers', '../db/schema'],
  ['src/routers', '../db/client'],
  ['src/routers', '../realtime/connections'],
  ['src/routers', 'drizzle-orm'],
  ['src/routers', 'elysia'],
  ['src/routers', '../app'],
  ['src/routers', '../server'],
  ['src/telegram-bot', '../routers/index'],
  ['src/telegram-bot', '../app'],
  ['src/cron', '../routers/index'],
  ['src/cron', '../app'],
  ['src/cli', '../http/rest-handler'],
  ['src/http', '../realtime/connections'],
  ['src/realtime', '../routers/index'],
  ['src/realtime', '../app'],
  ['src/realtime', '../server'],
]
const right: [from: string, what: string][] = [
  ['src/db', '../lib/time'],
  ['src/services/bookings', '../../db/schema'],
  ['src/services/bookings', '../../schemas/socket-messages'],
  ['src/services/bookings', '../calendar/boards'],
  ['src/services/payments', '../bookings/refunds'],
  ['src/routers', '../services/bookings/hold'],
  ['src/telegram-bot', '../services/bookings/hold'],
  ['src/cron', '../services/bookings/sweep'],
  ['src/realtime', '../services/calendar/boards'],
]

const made: string[] = []
afterAll(() => Promise.all(made.map((file) => rm(file, { force: true }))))

/** Returns the imports that the linter refuses. One run checks all, in temporary files inside `src`. */
async function refused(imports: typeof wrong): Promise<string[]> {
  const run = Bun.randomUUIDv7()
  const files = imports.map(([from], index) => `${from}/zz-${run}-${index}.ts`)
  made.push(...files)
  for (const [index, [, what]] of imports.entries())
    await Bun.write(files[index] ?? '', `export * from '${what}'\n`)
  const args = ['--only=style/noRestrictedImports', '--reporter=json', '--max-diagnostics=none', ...files]
  const { stdout } = Bun.spawnSync(['bunx', 'biome', 'lint', ...args], { stderr: 'ignore' })
  await Promise.all(files.map((file) => rm(file)))
  const text = stdout.toString()
  return imports.filter((_, index) => text.includes(files[index] ?? '')).map((pair) => pair.join(' -> '))
}

test('an import against the layer order fails the linter', async () => {
  expect(await refused(wrong)).toEqual(wrong.map((pair) => pair.join(' -> ')))
})

test('an import along the layer order passes the linter', async () => {
  expect(await refused(right)).toEqual([])
})
