import type { ExtractTablesWithRelations } from 'drizzle-orm'
import type { PgDatabase, PgTransaction } from 'drizzle-orm/pg-core'
import { drizzle, type PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import * as schema from './schema'

type Schema = typeof schema

/** The database, or a transaction in it: helpers take this as their first argument and do not care which. */
export type Db = PgDatabase<PostgresJsQueryResultHKT, Schema>
/** Inside a transaction; a verb that needs to be in one asks for this. */
export type Tx = PgTransaction<PostgresJsQueryResultHKT, Schema, ExtractTablesWithRelations<Schema>>

export type DatabaseClient = { db: Db; close(): Promise<void> }

/** A pool of connections that speak UTC. A statement that takes longer than `statementSeconds` is ended by the database. */
export function connectDatabase(
  url: string,
  { connections = 10, statementSeconds = 30 }: { connections?: number; statementSeconds?: number } = {},
): DatabaseClient {
  const client = postgres(url, {
    max: connections,
    connect_timeout: 5,
    // The driver's own pauses grow to twenty seconds, which a database that is back would be waited for in vain.
    backoff: (attempt) => Math.min(0.05 * 2 ** attempt, 1),
    idle_timeout: 300,
    fetch_types: false,
    onnotice() {},
    connection: {
      application_name: 'coworkspace',
      TimeZone: 'UTC',
      statement_timeout: statementSeconds * 1000,
      idle_in_transaction_session_timeout: 60_000,
    },
  })
  return { db: drizzle(preparing(client), { schema }), close: () => client.end({ timeout: 5 }) }
}

/**
 * Drizzle sends a statement unprepared unless it was named, which costs a second round trip and its planning each time.
 * Here every statement with parameters is prepared once on each connection, inside transactions too. Long ones, which
 * are inserts of many rows and hardly come twice, are left alone: each would stay in the connection's memory.
 */
function preparing<Client extends object>(client: Client): Client {
  return new Proxy(client, {
    get(target, name) {
      const value = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      if (name === 'unsafe') {
        return (text: string, values: unknown[] = [], options: object = {}) =>
          value.call(target, text, values, { ...options, prepare: values.length > 0 && text.length < 4000 })
      }
      if (name === 'begin' || name === 'savepoint') {
        return (run: (inner: Client) => unknown) =>
          value.call(target, (inner: Client) => run(preparing(inner)))
      }
      return value
    },
  })
}

/** A query that is built once for each database, for the paths where building it would take longer than sending it. */
export function prepared<Query>(build: (db: Db) => Query): (db: Db) => Query {
  const built = new WeakMap<Db, Query>()
  return (db) => {
    let query = built.get(db)
    if (!query) {
      query = build(db)
      built.set(db, query)
    }
    return query
  }
}
