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
  /** `smart` waits for open connections, `fast` ends them. */
  stop(mode: 'smart' | 'fast'): Promise<void>
  /** Kills the postmaster; the other processes notice and exit. */
  kill(): Promise<void>
  /** Stops it and deletes its files. */
  remove(): Promise<void>
}

/** Starts a PostgreSQL without a supervisor: once stopped, it stays down until `start`. */
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
    // Processes of a killed server may keep its shared memory for a moment.
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
