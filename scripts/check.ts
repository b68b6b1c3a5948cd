import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Format, lint, direction of imports, types, and migrations without drift: everything that needs no database. */

type Check = { name: string; run: () => Promise<boolean> }

const command =
  (...words: string[]) =>
  async () =>
    (await Bun.spawn(words, { stdout: 'inherit', stderr: 'inherit' }).exited) === 0

const checks: Check[] = [
  { name: 'format, lint and direction of imports', run: command('bunx', 'biome', 'ci', '.') },
  { name: 'types', run: command('bunx', 'tsc', '--noEmit') },
  { name: 'types of the web app', run: command('bunx', 'tsc', '--noEmit', '--project', 'web') },
  { name: 'migrations', run: migrationsAreComplete },
]

/** The committed migrations say all that the schema says: generating into a copy of them adds nothing. */
async function migrationsAreComplete(): Promise<boolean> {
  const copy = await mkdtemp(path.join(tmpdir(), 'migrations-'))
  try {
    await cp('src/db/migrations', copy, { recursive: true })
    const before = await readdir(copy)
    const generate = [
      'bunx',
      'drizzle-kit',
      'generate',
      '--dialect',
      'postgresql',
      '--schema',
      './src/db/schema/index.ts',
      '--out',
      path.relative('.', copy),
    ]
    const { exitCode, stdout, stderr } = Bun.spawnSync(generate, { stdin: 'ignore' })
    const added = (await readdir(copy)).filter((file) => !before.includes(file))
    if (exitCode === 0 && added.length === 0) return true
    process.stderr.write(
      exitCode === 0
        ? `The schema has changes that no migration has: run bun run db:generate\n`
        : `${stdout}${stderr}`,
    )
    return false
  } finally {
    await rm(copy, { recursive: true })
  }
}

const started = performance.now()
const results = await Promise.all(checks.map(async ({ name, run }) => ({ name, ok: await run() })))
for (const { name, ok } of results) process.stdout.write(`${ok ? '✓' : '✗'} ${name}\n`)
process.stdout.write(`checked in ${((performance.now() - started) / 1000).toFixed(1)} s\n`)
process.exit(results.every(({ ok }) => ok) ? 0 : 1)
