import { afterAll, setDefaultTimeout, test } from 'bun:test'
import { mkdtemp, open, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import postgres from 'postgres'
import { breakUnderLoad, raiseWorld } from './support/faults'
import { stopProcesses } from './support/process'
import { sized } from './support/proof'
import { stopTestServers, until } from './support/world'

setDefaultTimeout(180_000)

/** Mounts a small file system for the embedded database. Returns undefined without the right to mount. */
async function mountDisk(megabytes: number): Promise<string | undefined> {
  const folder = await mkdtemp(path.join(tmpdir(), 'coworkspace-disk-'))
  const mounted = Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'disk', folder])
  if (mounted.success) return folder
  await rm(folder, { recursive: true })
  return undefined
}

const MEGABYTES = 160
const disk = Bun.which('mount') ? await mountDisk(MEGABYTES) : undefined
const whyNoDisk = disk ? '' : '(skipped: only root can mount the file system that is filled)'
if (whyNoDisk) process.stderr.write(`disk test ${whyNoDisk}\n`)

afterAll(async () => {
  await stopTestServers()
  await stopProcesses()
  if (!disk) return
  Bun.spawnSync(['umount', disk])
  await rm(disk, { recursive: true, force: true })
})

const bytesFree = async (folder: string) => {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** Fills a disk with one file and returns its path. */
async function fill(folder: string): Promise<string> {
  const name = path.join(folder, 'ballast')
  const file = await open(name, 'a')
  try {
    for (const size of [1 << 20, 1 << 12]) {
      const piece = Buffer.alloc(size)
      while ((await bytesFree(folder)) >= size) {
        const written = await file.write(piece).catch(() => undefined)
        if (!written) break
      }
    }
  } finally {
    await file.close()
  }
  return name
}

/** Makes PostgreSQL start new WAL files until the disk is full, which stops it. */
async function exhaustLog(databaseUrl: string): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice() {} })
  const isOver = async () => {
    const row = sql`SELECT pg_switch_wal(), pg_logical_emit_message(true, 'full', repeat('x', 10000))`
    return row.then(
      () => false,
      () => true,
    )
  }
  await until(isOver, 30_000)
  await sql.end({ timeout: 1 })
}

test.skipIf(!disk)(`a full disk leaves no booking doubled, lost, unpaid or stale ${whyNoDisk}`, async () => {
  const folder = disk ?? ''
  const dataDir = path.join(folder, 'data')
  const world = await raiseWorld({ DATA_DIR: dataDir }, 1)
  try {
    const running = await Bun.file(path.join(dataDir, 'postgres', 'postmaster.pid')).text()
    const port = running.split('\n')[3]
    const password = await Bun.file(path.join(dataDir, 'password')).text()
    const databaseUrl = `postgres://coworkspace:${password}@127.0.0.1:${port}/coworkspace`
    await breakUnderLoad(world, databaseUrl, {
      name: 'disk full',
      async happen({ servers }) {
        const ballast = await fill(folder)
        const [server] = servers
        // The disk is full once a write of the server has failed.
        await until(async () => {
          await fill(folder)
          const asked = await fetch(`${server?.url}/metrics`)
          return /reason="UNAVAILABLE"} [1-9]/.test(await asked.text())
        }, 60_000)
        await exhaustLog(databaseUrl)
        await Bun.sleep(sized(1000, 10_000))
        await rm(ballast)
      },
    })
  } finally {
    await world.strike()
  }
})
