import { backUpDatabase, resetDatabase } from '../db/backup'
import { migrateDatabase, readSchemaState } from '../db/migrate'
import { restoreDatabase } from '../db/restore'
import { ConfigurationError, type Env } from '../env'
import { seedDatabase } from '../seed'
import { readStats } from '../services/analytics/stats'
import { type Admin, Failed, type Work } from './command'
import { type Surroundings, table } from './console'

export function addDatabaseCommands({ program, on }: Admin, surroundings: Surroundings): void {
  program.command('stats').description('how much there is of everything').action(on(showStats))
  program
    .command('seed')
    .description('the demo data, where it is not there yet; never in production')
    .action(on(seed))
  program
    .command('migrate')
    .description('bring the schema up to date, as the start of a server does')
    .action(on(migrate, { anySchema: true }))
  program
    .command('backup')
    .description('write everything that is stored into one file, while servers go on')
    .argument('<file>', 'the file to make')
    .action(on(backUp))
    .addHelpText('after', '\nExample:\n  bun run admin backup monday.backup\n')
  program
    .command('reset')
    .description('delete everything that is stored; the schema stays')
    .option('--yes', 'yes, everything')
    .option('--production', 'yes, in production too')
    .action(on(reset))
    .addHelpText('after', '\nExample:\n  bun run admin reset --yes\n')
  program
    .command('restore')
    .description('fill an empty database from a backup; all of it or nothing')
    .argument('<file>', 'a file that backup has made')
    .option('--reset', 'delete first what is there, in the same transaction')
    .option('--yes', 'yes, delete it')
    .option('--production', 'yes, in production too')
    .action(on(restore))
    .addHelpText('after', '\nExample:\n  bun run admin restore monday.backup --reset --yes\n')
  program
    .command('url')
    .description(
      'the address of the database, for psql and others; the embedded one answers while a server runs',
    )
    .action(on(showUrl, { anySchema: true }))
  program
    .command('studio')
    .description('look into the database with Drizzle Studio, until Ctrl-C')
    .action(on((work: Work) => openStudio(work, surroundings), { anySchema: true }))
}

async function showStats({ ctx, console }: Work): Promise<void> {
  console.show(await readStats(ctx), ({ bookings, ...counts }) =>
    table(
      ['what', 'how many'],
      [
        ...Object.entries(counts).map(([name, count]) => [wordsOf(name), count]),
        ...Object.entries(bookings).map(([status, count]) => [`bookings ${status}`, count]),
      ],
    ),
  )
}

const wordsOf = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)

async function seed({ ctx, env, console }: Work): Promise<void> {
  if (env.NODE_ENV === 'production')
    throw new ConfigurationError('Demo data has public passwords and is refused in production.')
  await seedDatabase(ctx)
  console.show({ seeded: true }, () => 'The demo data is there.')
}

async function migrate({ databaseUrl, console }: Work): Promise<void> {
  const { pending } = await readSchemaState(databaseUrl)
  await migrateDatabase(databaseUrl)
  console.show({ made: pending }, () =>
    pending.length === 0 ? 'The schema was up to date.' : `Made: ${pending.join(', ')}.`,
  )
}

async function backUp({ databaseUrl, console }: Work, file: string): Promise<void> {
  const manifest = await backUpDatabase(databaseUrl, file, ({ table: name, rows, of }) =>
    console.progress(name, rows, of),
  )
  const rows = manifest.tables.reduce((sum, one) => sum + one.rows, 0)
  const megabytes = Math.round(Bun.file(file).size / 1e4) / 100
  console.show({ file, rows, megabytes, ...manifest }, () => `${rows} rows are in ${file}, ${megabytes} MB.`)
}

type Consent = { yes?: boolean; production?: boolean }

/** Deleting everything is said twice, and in production three times. */
function expectConsent(env: Env, { yes, production }: Consent): void {
  if (!yes) throw new ConfigurationError('This deletes everything that is stored. If so, add --yes.')
  if (env.NODE_ENV === 'production' && !production)
    throw new ConfigurationError('This is production. If it really is to be emptied, add --production.')
}

async function reset({ env, databaseUrl, console }: Work, consent: Consent): Promise<void> {
  expectConsent(env, consent)
  const { rows } = await resetDatabase(databaseUrl)
  console.show({ rows }, () => `${rows} rows were deleted. The database is empty.`)
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
  // Ctrl-C is for the studio; this waits for its end, to give the database back.
  process.once('SIGINT', () => undefined)
  if ((await studio.exited) !== 0) throw new Failed()
}
