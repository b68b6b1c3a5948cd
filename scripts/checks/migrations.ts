import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Generates migrations into a copy of the committed ones. Returns the problem if the schema has further changes. */
export async function migrationDrift(): Promise<string[]> {
  const copy = await mkdtemp(path.join(tmpdir(), 'migrations-'))
  try {
    await cp('src/db/migrations', copy, { recursive: true })
    const before = await readdir(copy)
    const { exitCode, stdout, stderr } = Bun.spawnSync(generateInto(copy), { stdin: 'ignore' })
    if (exitCode !== 0) return [`${stdout}${stderr}`]
    const added = (await readdir(copy)).filter((file) => !before.includes(file))
    return added.length > 0 ? ['The schema has changes without a migration. Run: bun run db:generate'] : []
  } finally {
    await rm(copy, { recursive: true })
  }
}

const generateInto = (folder: string): string[] => [
  ...['bunx', 'drizzle-kit', 'generate', '--dialect', 'postgresql'],
  ...['--schema', './src/db/schema/index.ts', '--out', path.relative('.', folder)],
]
