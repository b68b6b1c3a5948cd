import { misnamedFiles } from './checks/file-names'
import { longFunctions } from './checks/function-length'
import { migrationDrift } from './checks/migrations'

/** `bun run check` runs everything that needs no database. */

type Check = { name: string; run: () => Promise<boolean> }

const checks: Check[] = [
  { name: 'format, lint and direction of imports', run: command('bunx', 'biome', 'ci', '.') },
  { name: 'types', run: command('bunx', 'tsc', '--noEmit') },
  { name: 'types of the web app', run: command('bunx', 'tsc', '--noEmit', '--project', 'web') },
  { name: 'migrations', run: listsNothing(migrationDrift) },
  { name: 'file names', run: listsNothing(misnamedFiles, 'not in kebab-case: ') },
  { name: 'function length', run: listsNothing(longFunctions) },
  { name: 'prose', run: command(process.execPath, 'scripts/prose.ts') },
]

function command(...words: string[]): Check['run'] {
  return async () => (await Bun.spawn(words, { stdout: 'inherit', stderr: 'inherit' }).exited) === 0
}

function listsNothing(find: () => string[] | Promise<string[]>, prefix = ''): Check['run'] {
  return async () => {
    const problems = await find()
    for (const problem of problems) process.stderr.write(`${prefix}${problem}\n`)
    return problems.length === 0
  }
}

const started = performance.now()
const results = await Promise.all(checks.map(async ({ name, run }) => ({ name, ok: await run() })))
for (const { name, ok } of results) process.stdout.write(`${ok ? '✓' : '✗'} ${name}\n`)
process.stdout.write(`checked in ${((performance.now() - started) / 1000).toFixed(1)} s\n`)
process.exit(results.every(({ ok }) => ok) ? 0 : 1)
