import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import postgres from 'postgres'
import { openCluster, run } from '../../src/db/cluster'
import { createLog } from '../../src/lib/logger'
import { freePort } from './port'

export type TestPostgres = {
  url: string
  start(): Promise<void>
  /** As an operator stops it: `smart` lets everybody who is connected go on, `fast` does not. */
  stop(mode: 'smart' | 'fast'): Promise<void>
  /** Ends its first process at once, which the others notice. */
  kill(): Promise<void>
  /** For the end of a test. */
  remove(): Promise<void>
}

/** A PostgreSQL that nobody looks after: what is stopped stays stopped until `start`. */
export async function startPostgres(): Promise<TestPostgres> {
  const folder = await mkdtemp(path.join(tmpdir(), 'coworkspace-postgres-'))
  const cluster = await openCluster(folder, createLog({ level: 'silent', terminal: false }))
  const port = freePort()
  const pgCtl = (verb: string, ...words: string[]) =>
    run(path.join(cluster.binaries, 'bin', 'pg_ctl'), [verb, '-D', cluster.folder, '-s', ...words], {
      ...cluster.account,
      cwd: '/',
    })
  const log = path.join(cluster.folder, 'server.log')
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c timezone=UTC`

  async function start(): Promise<void> {
    // The processes of a database that was killed may hold its memory for a moment longer.
    for (let attempt = 1; ; attempt++) {
      try {
        await pgCtl('start', '-w', '-l', log, '-o', options)
        return
      } catch (error) {
        if (attempt >= 40) throw error
        await Bun.sleep(100)
      }
    }
  }

  await start()
  const address = (database: string) =>
    `postgres://coworkspace:${cluster.password}@127.0.0.1:${port}/${database}`
  const admin = postgres(address('postgres'), { max: 1, onnotice() {} })
  await admin`CREATE DATABASE coworkspace`
  await admin.end()
  return {
    url: address('coworkspace'),
    start,
    stop: async (mode) => void (await pgCtl('stop', '-w', '-m', mode)),
    async kill() {
      const [pid] = (await readFile(path.join(cluster.folder, 'postmaster.pid'), 'utf8')).split('\n')
      process.kill(Number(pid), 'SIGKILL')
    },
    async remove() {
      await pgCtl('stop', '-w', '-m', 'immediate').catch(() => undefined)
      await rm(cluster.folder, { recursive: true, force: true })
      await rm(folder, { recursive: true, force: true })
    },
  }
}
