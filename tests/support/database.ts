import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import postgres from 'postgres'
import { startEmbeddedDatabase } from '../../src/db/embedded'
import { migrateDatabase } from '../../src/db/migrate'
import { createLog } from '../../src/lib/logger'

/** Environment variable with the URL of the PostgreSQL that all files of a run share. */
export const SHARED_CLUSTER = 'TEST_POSTGRES_URL'

export type Cluster = { url: string; stop(): Promise<void> }

/** Starts a PostgreSQL with a migrated template database. */
export async function startCluster(): Promise<Cluster> {
  const folder = await mkdtemp(path.join(tmpdir(), 'coworkspace-'))
  const { url, stop } = await startEmbeddedDatabase(folder, createLog({ level: 'silent', terminal: false }))
  const admin = postgres(url, { max: 1, onnotice() {} })
  await admin`CREATE DATABASE template_coworkspace`
  await admin.end()
  await migrateDatabase(withDatabase(url, 'template_coworkspace'))
  return {
    url,
    async stop() {
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

let opened: Promise<Cluster & { admin: postgres.Sql }> | undefined

async function openCluster() {
  const url = process.env[SHARED_CLUSTER]
  const cluster = url ? { url, stop: async () => {} } : await startCluster()
  return { ...cluster, admin: postgres(cluster.url, { max: 1, onnotice() {} }) }
}

/** Creates an empty, migrated database in about 50 ms. Starts a PostgreSQL if the run shares none. */
export async function createDatabase(): Promise<string> {
  opened ??= openCluster()
  const { url, admin } = await opened
  const name = `test_${crypto.randomUUID().replaceAll('-', '')}`
  await admin.unsafe(`CREATE DATABASE ${name} TEMPLATE template_coworkspace STRATEGY FILE_COPY`)
  return withDatabase(url, name)
}

function withDatabase(url: string, name: string): string {
  const address = new URL(url)
  address.pathname = `/${name}`
  return address.href
}

export async function closeCluster(): Promise<void> {
  if (!opened) return
  const { admin, stop } = await opened
  await admin.end()
  await stop()
  opened = undefined
}
