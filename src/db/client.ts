import type { ExtractTablesWithRelations } from 'drizzle-orm'
import type { PgDatabase, PgTransaction } from 'drizzle-orm/pg-core'
import { drizzle, type PostgresJsQueryResultHKT } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import * as schema from './schema'

type Schema = typeof schema

/** The database or a transaction in it. */
export type Db = PgDatabase<PostgresJsQueryResultHKT, Schema>
/** Required by functions that must run in a transaction. */
export type Tx = PgTransaction<PostgresJsQueryResultHKT, Schema, ExtractTablesWithRelations<Schema>>

export type DatabaseClient = { db: Db; close(): Promise<void> }

/** Opens a pool whose sessions use UTC. PostgreSQL cancels statements that take longer than `statementSeconds`. */
export function connectDatabase(
  url: string,
  { connections = 10, statementSeconds = 30 }: { connections?: number; statementSeconds?: number } = {},
): DatabaseClient {
  const client = postgres(url, {
    max: connections,
    connect_timeout: 5,
    // The driver's own backoff grows to 20 seconds, long after a restarted database is back.
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
  const db = drizzle(withPreparedStatements(client), { schema })
  drivers.set(db, client)
  return { db, close: () => client.end({ timeout: 5 }) }
}

const drivers = new WeakMap<Db, postgres.Sql>()

/**
 * Prepares every statement with parameters once per connection, also in transactions. Drizzle prepares only named ones,
 * and an unprepared statement costs another round trip and a plan. Long statements, mostly inserts of many rows, are
 * rarely repeated and would stay in the connection's memory.
 */
function withPreparedStatements<Client extends object>(client: Client): Client {
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
          value.call(target, (inner: Client) => run(withPreparedStatements(inner)))
      }
      return value
    },
  })
}

/** Builds a query once per database, for frequent queries that take longer to build than to send. */
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

type Value = string | number | boolean | null
type Statement = (db: Db, values: Value[]) => Promise<unknown[][]>

/**
 * A prepared statement in plain SQL. Its rows are arrays of columns, without Drizzle's mapping, which costs several
 * microseconds per row: for the few paths that almost every request takes.
 * @throws if `db` is a transaction
 */
export function statement(text: string): Statement {
  return (db, values) => {
    const client = drivers.get(db)
    if (!client) throw new Error('plain statements run outside of transactions')
    return client.unsafe(text, values, { prepare: true }).values()
  }
}
