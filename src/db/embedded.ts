import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import postgres from 'postgres'
import { ConfigurationError } from '../env'
import type { Log } from '../log'
import { type Cluster, openCluster, run } from './cluster'

const DATABASE = 'coworkspace'
/** A server holds this lock of the database as long as it lives, so there is one server to a folder. */
const OWNER_LOCK = 7_261_054_917
/** Who owns the folder: a server as long as it lives, a command for moments. */
type Owner = 'server' | 'command'

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
      await stopCluster(cluster, { patiently: true })
    },
  }
}

/**
 * The same database for a command that works beside a running server, or without one: what runs is used as it is, what
 * does not is started, and stopped again by whoever leaves it last. It is never owned, so a server may start meanwhile.
 */
export async function borrowEmbeddedDatabase(dataDir: string, log: Log): Promise<EmbeddedDatabase> {
  const cluster = await openCluster(path.resolve(dataDir), log)
  const borrowed = await startAndOwn(cluster, dataDir, undefined, 'command').catch(async (error) => {
    const port = await runningPort(cluster)
    if (port && error instanceof InUse) return { port, owner: undefined }
    throw error
  })
  const url = urlOf(cluster, borrowed.port, DATABASE)
  const { owner } = borrowed
  // Beside a server there is nothing to start or to stop.
  if (!owner) return { url, stop: async () => {} }
  // From here on its connection alone says that somebody works here: another command does not stop the database then.
  await owner.yieldLock()
  return {
    url,
    async stop() {
      // The lock is kept until the database is gone, so that nobody begins to work with one that is stopping.
      const alone = await owner.isAlone().catch(() => false)
      if (alone) await stopCluster(cluster)
      await owner.release()
    },
  }
}

/** A database that was just killed can look alive for a moment: what cannot be owned is looked at again. */
async function startAndOwn(cluster: Cluster, dataDir: string, wanted?: number, as: Owner = 'server') {
  for (let attempt = 1; ; attempt++) {
    const port = await ensureRunning(cluster, wanted)
    try {
      return { port, owner: await takeOwnership(cluster, port, dataDir, as) }
    } catch (error) {
      if (error instanceof ConfigurationError || attempt >= 5) throw error
    }
  }
}

const urlOf = ({ password }: Cluster, port: number, database: string) =>
  `postgres://coworkspace:${password}@127.0.0.1:${port}/${database}`

/**
 * Stops the database. Patiently, it lets connections that were just closed end by themselves: one that is cut while it
 * closes shows up as an error of a socket that nobody holds any more.
 */
async function stopCluster(cluster: Cluster, { patiently = false } = {}): Promise<void> {
  if (patiently) {
    const stopped = await pgCtl(cluster, 'stop', '-m', 'smart', '-w', '-t', '2').catch(() => undefined)
    if (stopped) return
  }
  await pgCtl(cluster, 'stop', '-m', 'fast', '-w').catch((error) =>
    cluster.log.warn({ error }, 'the database did not stop'),
  )
}

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
async function takeOwnership(cluster: Cluster, port: number, dataDir: string, as: Owner = 'server') {
  const ended = Promise.withResolvers<void>()
  const client = postgres(urlOf(cluster, port, 'postgres'), {
    max: 1,
    idle_timeout: 0,
    max_lifetime: null,
    connect_timeout: 10,
    onnotice() {},
    onclose: () => ended.resolve(),
    connection: { application_name: `coworkspace ${as}`, TimeZone: 'UTC' },
  })
  try {
    await whenReady(cluster, client)
    await takeLock(client, dataDir)
    const [found] = await client`SELECT FROM pg_database WHERE datname = ${DATABASE}`
    if (!found) await client`CREATE DATABASE ${client(DATABASE)}`
  } catch (error) {
    await client.end({ timeout: 1 })
    throw error
  }
  return {
    ended: ended.promise,
    release: () => client.end({ timeout: 1 }),
    /** Gives the folder to whoever wants it, and stays connected. */
    yieldLock: () => client`SELECT pg_advisory_unlock(${OWNER_LOCK})`,
    /** Takes the folder again, and says whether nobody else is connected. One that has just gone may show for a moment. */
    async isAlone(): Promise<boolean> {
      await takeLock(client, dataDir)
      for (let attempt = 1; ; attempt++) {
        const others = await client`
          SELECT FROM pg_stat_activity
          WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name LIKE 'coworkspace%'`
        if (others.length === 0 || attempt >= 10) return others.length === 0
        await Bun.sleep(20)
      }
    },
  }
}

/** A command owns the folder for the moments in which it starts or stops the database: whoever comes then waits for it. */
async function takeLock(client: postgres.Sql, dataDir: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const [lock] = await client<{ taken: boolean }[]>`SELECT pg_try_advisory_lock(${OWNER_LOCK}) AS taken`
    if (lock?.taken) return
    const [server] = await client`
      SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
      WHERE locktype = 'advisory' AND (classid::bigint << 32 | objid::bigint) = ${OWNER_LOCK}
        AND granted AND application_name = 'coworkspace server'`
    if (server || attempt >= 200) throw inUse(dataDir)
    await Bun.sleep(25)
  }
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

/** The folder is another server's. */
class InUse extends ConfigurationError {}

const inUse = (dataDir: string) =>
  new InUse(
    `Another server already uses the folder ${path.resolve(dataDir)}. Stop it, or choose another folder with DATA_DIR.`,
  )

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
