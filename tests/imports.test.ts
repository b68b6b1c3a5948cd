import { afterAll, expect, test } from 'bun:test'
import { rm } from 'node:fs/promises'

/** Folders, each with an import that its files must not write. */
const wrong: [from: string, what: string][] = [
  ['src/db', '../services/bookings'],
  ['src/db', '../routers/bookings'],
  ['src/db/schema', '../../services/bookings'],
  ['src/db', '../realtime/socket'],
  ['src/db', '../app'],
  ['src/shapes', '../services/bookings'],
  ['src/shapes', '../trpc'],
  ['src/services', '../routers/bookings'],
  ['src/services', '../realtime/socket'],
  ['src/services', '../cron/index'],
  ['src/services', '../trpc'],
  ['src/services', '../rest'],
  ['src/services', '../app'],
  ['src/services', '../server'],
  ['src/services', 'elysia'],
  ['src/services', '@elysiajs/jwt'],
  ['src/services', '@trpc/server'],
  ['src/routers', '../db/schema'],
  ['src/routers', '../db/client'],
  ['src/routers', 'drizzle-orm'],
  ['src/routers', 'elysia'],
  ['src/routers', '../app'],
  ['src/routers', '../server'],
  ['src/bot', '../routers/index'],
  ['src/bot', '../app'],
  ['src/cron', '../routers/index'],
  ['src/cron', '../app'],
  ['src/realtime', '../routers/index'],
  ['src/realtime', '../app'],
  ['src/realtime', '../server'],
]
const right: [from: string, what: string][] = [
  ['src/services', '../db/schema'],
  ['src/services', '../realtime/events'],
  ['src/routers', '../services/bookings'],
  ['src/bot', '../services/bookings'],
  ['src/cron', '../services/sweep'],
  ['src/realtime', '../services/boards'],
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
