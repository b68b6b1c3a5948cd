import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import postgres from 'postgres'
import { ConfigurationError } from '../env'
import type { Log } from '../lib/logger'
import { type Cluster, openCluster, run } from './cluster'

const DATABASE = 'coworkspace'
/** Advisory lock that a server holds while it runs, so each folder has one server. */
const OWNER_LOCK = 7_261_054_917
const OWNER_NAME = 'coworkspace owner'
/** Advisory lock that commands share while they use the database. The last command can take it exclusively. */
const LOAN_LOCK = 7_261_054_920

export type EmbeddedDatabase = { url: string; stop(): Promise<void> }

/**
 * Starts the embedded PostgreSQL on a free loopback port with its data in `dataDir`. Takes over a database that is still
 * running after its server died, and restarts one that stops unexpectedly.
 * @throws {ConfigurationError} if another server uses the folder or PostgreSQL does not start
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
      log.error('embedded database stopped, restarting it')
      try {
        owner = (await startAndOwn(cluster, dataDir, port)).owner
        log.warn('embedded database restarted')
      } catch (error) {
        log.error({ error }, 'embedded database did not start, retrying')
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
        log.warn({ error }, 'embedded database did not stop'),
      )
    },
  }
}

/**
 * Opens the embedded database for a command, with or without a running server. Starts PostgreSQL if it is not running;
 * the last command to leave stops it, unless a server owns it.
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
      // Another command is stopping it.
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
    // Both locks are held until the stop, so no server or command can start to use it.
    if (last?.alone) await pgCtl(cluster, 'stop', '-m', 'fast', '-w')
  } finally {
    await client.end({ timeout: 1 })
  }
}

/** Creates the database if it does not exist. Losing a race with another creator is not an error. */
async function createDatabaseOnce(client: postgres.Sql): Promise<void> {
  const [found] = await client`SELECT FROM pg_database WHERE datname = ${DATABASE}`
  if (found) return
  await client`CREATE DATABASE ${client(DATABASE)}`.catch(async (error) => {
    const [created] = await client`SELECT FROM pg_database WHERE datname = ${DATABASE}`
    if (!created) throw error
  })
}

/** Retries, because a database that was just killed can look alive for a moment. */
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

/** Starts PostgreSQL if it is not running, and returns its port. */
async function ensureRunning(cluster: Cluster, wanted?: number): Promise<number> {
  const running = await runningPort(cluster)
  if (running) return running
  const port = wanted ?? (await freePort())
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200 -c timezone=UTC -c log_timezone=UTC`
  const logFile = path.join(cluster.folder, 'server.log')
  // Processes of a killed server may hold its shared memory for a moment.
  for (let attempt = 1; ; attempt++) {
    try {
      await pgCtl(cluster, 'start', '-w', '-t', '60', '-l', logFile, '-o', options)
      return port
    } catch (error) {
      const other = await runningPort(cluster)
      if (other) return other
      if (attempt >= 20)
        throw new ConfigurationError(`PostgreSQL did not start. See its log: ${logFile}`, { cause: error })
      await Bun.sleep(250)
    }
  }
}

async function runningPort(cluster: Cluster): Promise<number | undefined> {
  const running = await pgCtl(cluster, 'status').catch(() => undefined)
  if (!running) return undefined
  // The fourth line of the file is the port.
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

/** Takes the lock of the folder on a connection that stays open, and creates the database if it does not exist. */
async function takeOwnership(cluster: Cluster, port: number, dataDir: string) {
  const ended = Promise.withResolvers<void>()
  const client = ownClient(cluster, port, OWNER_NAME, () => ended.resolve())
  try {
    await whenReady(cluster, client)
    const [lock] = await client<{ taken: boolean }[]>`SELECT pg_try_advisory_lock(${OWNER_LOCK}) AS taken`
    if (!lock?.taken) throw await ownershipError(client, dataDir)
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

/** A lock held by a server is final; a command that holds it is about to stop the database. */
async function ownershipError(client: postgres.Sql, dataDir: string): Promise<Error> {
  const [server] = await client`SELECT FROM pg_stat_activity
    WHERE application_name = ${OWNER_NAME} AND pid <> pg_backend_pid()`
  return server ? inUse(dataDir) : new Error('the database is being stopped')
}

/** Waits while the database recovers from a crash. Fails at once if it is not running. */
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
    `Another server uses the folder ${path.resolve(dataDir)}. Stop it, or set DATA_DIR to another folder.`,
  )

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
