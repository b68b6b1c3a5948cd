import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import postgres from 'postgres'
import { ConfigurationError } from '../env'
import type { Log } from '../lib/logger'
import { type Cluster, openCluster, run } from './cluster'

const DATABASE = 'coworkspace'
/** A server holds this lock of the database as long as it lives, so there is one server to a folder. */
const OWNER_LOCK = 7_261_054_917
const OWNER_NAME = 'coworkspace owner'
/** Commands share this lock while they use the database; who has it alone is the last of them. */
const LOAN_LOCK = 7_261_054_920

export type EmbeddedDatabase = { url: string; stop(): Promise<void> }

/**
 * Starts the PostgreSQL that comes with the project, on a free port of loopback, with its data in `dataDir`.
 * A database that outlived its server is taken over; one that crashed recovers as PostgreSQL does; one that dies while we
 * run is started again.
 * @throws {ConfigurationError} where another server uses the folder, or the database cannot be started
 */
export async function startEmbeddedDatabase(dataDir: string, log: Log): Promise<EmbeddedDatabase> {
  const cluster = await openCluster(path.resolve(dataDir), log)
  const { port, owner: first } = await startAndOwn(cluster, dataDir)
  let owner = first
  let stopping = false

  async function supervise(): Promise<void> {
    while (!stopping) {
      await owner.ended
      if (stopping) return
      log.error('the embedded database went away; starting it again')
      try {
        owner = (await startAndOwn(cluster, dataDir, port)).owner
        log.warn('the embedded database is back')
      } catch (error) {
        log.error({ error }, 'the embedded database could not be started; trying again')
        await Bun.sleep(1000)
      }
    }
  }
  const supervised = supervise()

  return {
    url: urlOf(cluster, port, DATABASE),
    async stop() {
      stopping = true
      await owner.release()
      await supervised
      await pgCtl(cluster, 'stop', '-m', 'fast', '-w').catch((error) =>
        log.warn({ error }, 'the database did not stop'),
      )
    },
  }
}

/**
 * The same database for a command that works beside a running server, or without one: what runs is used as it is, what
 * does not is started, and stopped again by the last command that leaves it where no server owns it.
 */
export async function borrowEmbeddedDatabase(dataDir: string, log: Log): Promise<EmbeddedDatabase> {
  const cluster = await openCluster(path.resolve(dataDir), log)
  for (let attempt = 1; ; attempt++) {
    const port = await ensureRunning(cluster)
    try {
      const loan = await takeLoan(cluster, port)
      return { url: urlOf(cluster, port, DATABASE), stop: () => endLoan(cluster, loan) }
    } catch (error) {
      if (error instanceof ConfigurationError || attempt >= 50) throw error
      // Another command that leaves is just stopping it.
      await Bun.sleep(100)
    }
  }
}

async function takeLoan(cluster: Cluster, port: number): Promise<postgres.Sql> {
  const client = ownClient(cluster, port, 'coworkspace command')
  try {
    await whenReady(cluster, client)
    const [lock] = await client<
      { taken: boolean }[]
    >`SELECT pg_try_advisory_lock_shared(${LOAN_LOCK}) AS taken`
    if (!lock?.taken) throw new Error('the database is being stopped')
    await createDatabaseOnce(client)
    return client
  } catch (error) {
    await client.end({ timeout: 1 })
    throw error
  }
}

async function endLoan(cluster: Cluster, client: postgres.Sql): Promise<void> {
  try {
    await client`SELECT pg_advisory_unlock_shared(${LOAN_LOCK})`
    const [last] = await client<{ alone: boolean }[]>`SELECT CASE WHEN pg_try_advisory_lock(${LOAN_LOCK})
      THEN pg_try_advisory_lock(${OWNER_LOCK}) ELSE false END AS alone`
    // Both locks are held until the end, so nobody comes in while it stops.
    if (last?.alone) await pgCtl(cluster, 'stop', '-m', 'fast', '-w')
  } finally {
    await client.end({ timeout: 1 })
  }
}

/** Makes the database where there is none; of two who do so at once, one is too late, which is as good. */
async function createDatabaseOnce(client: postgres.Sql): Promise<void> {
  const [found] = await client`SELECT FROM pg_database WHERE datname = ${DATABASE}`
  if (found) return
  await client`CREATE DATABASE ${client(DATABASE)}`.catch(async (error) => {
    const [meanwhile] = await client`SELECT FROM pg_database WHERE datname = ${DATABASE}`
    if (!meanwhile) throw error
  })
}

/** A database that was just killed can look alive for a moment: what cannot be owned is looked at again. */
async function startAndOwn(cluster: Cluster, dataDir: string, wanted?: number) {
  for (let attempt = 1; ; attempt++) {
    const port = await ensureRunning(cluster, wanted)
    try {
      return { port, owner: await takeOwnership(cluster, port, dataDir) }
    } catch (error) {
      if (error instanceof ConfigurationError || attempt >= 10) throw error
      await Bun.sleep(50 * attempt)
    }
  }
}

const urlOf = ({ password }: Cluster, port: number, database: string) =>
  `postgres://coworkspace:${password}@127.0.0.1:${port}/${database}`

/** The port of the running database, which is started where it is not. */
async function ensureRunning(cluster: Cluster, wanted?: number): Promise<number> {
  const running = await runningPort(cluster)
  if (running) return running
  const port = wanted ?? (await freePort())
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200 -c timezone=UTC -c log_timezone=UTC`
  const logFile = path.join(cluster.folder, 'server.log')
  // The processes of a database that was killed may hold its memory for a moment longer.
  for (let attempt = 1; ; attempt++) {
    try {
      await pgCtl(cluster, 'start', '-w', '-t', '60', '-l', logFile, '-o', options)
      return port
    } catch (error) {
      const other = await runningPort(cluster)
      if (other) return other
      if (attempt >= 20)
        throw new ConfigurationError(`PostgreSQL does not start. Its log: ${logFile}`, { cause: error })
      await Bun.sleep(250)
    }
  }
}

async function runningPort(cluster: Cluster): Promise<number | undefined> {
  const running = await pgCtl(cluster, 'status').catch(() => undefined)
  if (!running) return undefined
  // The fourth line of the file is the port; the eighth says whether connections are taken yet.
  const lines = (await readFile(path.join(cluster.folder, 'postmaster.pid'), 'utf8').catch(() => '')).split(
    '\n',
  )
  return Number(lines[3]) || undefined
}

function pgCtl({ binaries, folder, account }: Cluster, ...args: string[]) {
  const [verb = '', ...options] = args
  return run(path.join(binaries, 'bin', 'pg_ctl'), [verb, '-D', folder, '-s', ...options], {
    ...account,
    cwd: '/',
  })
}

/** Connects for as long as we live, makes the database where there is none, and takes the lock of the folder. */
async function takeOwnership(cluster: Cluster, port: number, dataDir: string) {
  const ended = Promise.withResolvers<void>()
  const client = ownClient(cluster, port, OWNER_NAME, () => ended.resolve())
  try {
    await whenReady(cluster, client)
    const [lock] = await client<{ taken: boolean }[]>`SELECT pg_try_advisory_lock(${OWNER_LOCK}) AS taken`
    if (!lock?.taken) throw await whoHasIt(client, dataDir)
    await createDatabaseOnce(client)
  } catch (error) {
    await client.end({ timeout: 1 })
    throw error
  }
  return { ended: ended.promise, release: () => client.end({ timeout: 1 }) }
}

const ownClient = (cluster: Cluster, port: number, name: string, onclose?: () => void) =>
  postgres(urlOf(cluster, port, 'postgres'), {
    max: 1,
    idle_timeout: 0,
    max_lifetime: null,
    connect_timeout: 10,
    onnotice() {},
    ...(onclose && { onclose }),
    connection: { application_name: name, TimeZone: 'UTC' },
  })

/** Another server keeps the folder; a command that has the lock is stopping the database, and soon gone. */
async function whoHasIt(client: postgres.Sql, dataDir: string): Promise<Error> {
  const [server] = await client`SELECT FROM pg_stat_activity
    WHERE application_name = ${OWNER_NAME} AND pid <> pg_backend_pid()`
  return server ? inUse(dataDir) : new Error('the database is being stopped')
}

/** A database that recovers from a crash refuses connections for a while; one that is gone always will. */
async function whenReady(cluster: Cluster, client: postgres.Sql): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client`SELECT 1`
      return
    } catch (error) {
      if (attempt >= 240 || !(await runningPort(cluster))) throw error
      await Bun.sleep(250)
    }
  }
}

const inUse = (dataDir: string) =>
  new ConfigurationError(
    `Another server already uses the folder ${path.resolve(dataDir)}. Stop it, or choose another folder with DATA_DIR.`,
  )

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
