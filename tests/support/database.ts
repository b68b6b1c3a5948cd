import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import postgres from 'postgres'
import { type EmbeddedDatabase, startEmbeddedDatabase } from '../../src/db/embedded'
import { migrateDatabase } from '../../src/db/migrate'
import { createLog } from '../../src/log'

type Cluster = { embedded: EmbeddedDatabase; folder: string; admin: postgres.Sql }

let cluster: Promise<Cluster> | undefined
let made = 0

/** A real PostgreSQL with a migrated template, started when the first test asks for it. */
async function startCluster(): Promise<Cluster> {
  const folder = await mkdtemp(path.join(tmpdir(), 'coworkspace-'))
  const embedded = await startEmbeddedDatabase(folder, createLog({ level: 'silent', terminal: false }))
  const admin = postgres(embedded.url, { max: 1, onnotice() {} })
  await admin`CREATE DATABASE template_coworkspace`
  await migrateDatabase(withDatabase(embedded.url, 'template_coworkspace'))
  return { embedded, folder, admin }
}

/** The address of a new, empty, migrated database: about 50 ms. */
export async function createDatabase(): Promise<string> {
  cluster ??= startCluster()
  const { embedded, admin } = await cluster
  made += 1
  const name = `test_${made}`
  await admin.unsafe(`CREATE DATABASE ${name} TEMPLATE template_coworkspace STRATEGY FILE_COPY`)
  return withDatabase(embedded.url, name)
}

function withDatabase(url: string, name: string): string {
  const address = new URL(url)
  address.pathname = `/${name}`
  return address.href
}

export async function stopCluster(): Promise<void> {
  if (!cluster) return
  const { embedded, folder, admin } = await cluster
  await admin.end()
  await embedded.stop()
  await rm(folder, { recursive: true, force: true })
  cluster = undefined
}
