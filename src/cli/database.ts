import { backUpDatabase, resetDatabase } from '../db/backup'
import { migrateDatabase, readSchemaState } from '../db/migrate'
import { restoreDatabase } from '../db/restore'
import { ConfigurationError, type Env } from '../env'
import { seedDatabase } from '../seed'
import { readStats } from '../services/analytics/stats'
import { type Admin, Failed, type Work } from './command'
import { type Surroundings, table } from './console'

export function addDatabaseCommands({ program, on }: Admin, surroundings: Surroundings): void {
  program.command('stats').description('count users, spaces, bookings and so on').action(on(showStats))
  program
    .command('seed')
    .description('load the demo data if it is missing; refused in production')
    .action(on(seed))
  program
    .command('migrate')
    .description('run pending migrations, as the server does at startup')
    .action(on(migrate, { anySchema: true }))
  program
    .command('backup')
    .description('write a consistent copy of all data to one file; servers can keep running')
    .argument('<file>', 'file to write')
    .action(on(backUp))
    .addHelpText('after', '\nExample:\n  bun run admin backup monday.backup\n')
  program
    .command('reset')
    .description('delete all data and keep the schema')
    .option('--yes', 'confirm the deletion')
    .option('--production', 'confirm it again in production')
    .action(on(reset))
    .addHelpText('after', '\nExample:\n  bun run admin reset --yes\n')
  program
    .command('restore')
    .description('restore a backup into an empty database, in one transaction')
    .argument('<file>', 'backup file to read')
    .option('--reset', 'delete the existing data first, in the same transaction')
    .option('--yes', 'confirm the deletion')
    .option('--production', 'confirm it again in production')
    .action(on(restore))
    .addHelpText('after', '\nExample:\n  bun run admin restore monday.backup --reset --yes\n')
  program
    .command('url')
    .description(
      'print the database URL, for psql and other tools; an embedded database runs as long as its server',
    )
    .action(on(showUrl, { anySchema: true }))
  program
    .command('studio')
    .description('browse the database in Drizzle Studio; stop it with Ctrl-C')
    .action(on((work: Work) => openStudio(work, surroundings), { anySchema: true }))
}

async function showStats({ ctx, console }: Work): Promise<void> {
  console.show(await readStats(ctx), ({ people, bookings, ...counts }) =>
    table(
      ['item', 'count'],
      [
        ['users', people],
        ...Object.entries(counts).map(([name, count]) => [wordsOf(name), count]),
        ...Object.entries(bookings).map(([status, count]) => [`bookings ${status}`, count]),
      ],
    ),
  )
}

const wordsOf = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)

async function seed({ ctx, env, console }: Work): Promise<void> {
  if (env.NODE_ENV === 'production')
    throw new ConfigurationError('Demo data has public passwords. It is refused in production.')
  await seedDatabase(ctx)
  console.show({ seeded: true }, () => 'Demo data loaded.')
}

async function migrate({ databaseUrl, console }: Work): Promise<void> {
  const { pending } = await readSchemaState(databaseUrl)
  await migrateDatabase(databaseUrl)
  console.show({ made: pending }, () =>
    pending.length === 0 ? 'The schema is up to date.' : `Migrations applied: ${pending.join(', ')}.`,
  )
}

async function backUp({ databaseUrl, console }: Work, file: string): Promise<void> {
  const manifest = await backUpDatabase(databaseUrl, file, ({ table: name, rows, of }) =>
    console.progress(name, rows, of),
  )
  const rows = manifest.tables.reduce((sum, one) => sum + one.rows, 0)
  const megabytes = Math.round(Bun.file(file).size / 1e4) / 100
  console.show(
    { file, rows, megabytes, ...manifest },
    () => `${rows} rows written to ${file} (${megabytes} MB).`,
  )
}

type Consent = { yes?: boolean; production?: boolean }

function expectConsent(env: Env, { yes, production }: Consent): void {
  if (!yes) throw new ConfigurationError('This deletes all data. Add --yes to confirm.')
  if (env.NODE_ENV === 'production' && !production)
    throw new ConfigurationError('This deletes production data. Add --production to confirm.')
}

async function reset({ env, databaseUrl, console }: Work, consent: Consent): Promise<void> {
  expectConsent(env, consent)
  const { rows } = await resetDatabase(databaseUrl)
  console.show({ rows }, () => `${rows} rows deleted. The database is empty.`)
}

async function restore(
  { env, databaseUrl, console }: Work,
  file: string,
  { reset: empty = false, ...consent }: Consent & { reset?: boolean },
): Promise<void> {
  if (empty) expectConsent(env, consent)
  const manifest = await restoreDatabase(databaseUrl, file, {
    empty,
    onProgress: ({ table: name, rows, of }) => console.progress(name, rows, of),
  })
  const rows = manifest.tables.reduce((sum, one) => sum + one.rows, 0)
  console.show({ file, rows, ...manifest }, () => `${rows} rows of ${manifest.createdAt} are back.`)
}

async function showUrl({ databaseUrl, console }: Work): Promise<void> {
  console.show({ databaseUrl }, () => databaseUrl)
}

async function openStudio({ databaseUrl }: Work, { environment }: Surroundings): Promise<void> {
  const studio = Bun.spawn([process.execPath, 'x', 'drizzle-kit', 'studio'], {
    env: { ...environment, DATABASE_URL: databaseUrl },
    stdio: ['inherit', 'inherit', 'inherit'],
  })
  // Ctrl-C stops the studio. This process must outlive it to release the database.
  process.once('SIGINT', () => undefined)
  if ((await studio.exited) !== 0) throw new Failed()
}
