import { expect, test } from 'bun:test'
import net from 'node:net'
import { sql } from 'drizzle-orm'
import postgres from 'postgres'
import { connectDatabase, type Db } from '../src/db/client'
import { isUnavailable } from '../src/db/errors'
import { createDatabase } from './support/database'
import { sized } from './support/proof'

/** The number of statements that the driver sends on one connection before it waits for a response. */
const PIPELINE = 100
const CONNECTIONS = 2

/** Sends the statement at once. A Drizzle query is sent only when it is awaited. */
const ask = (db: Db, n: number) => db.execute(sql`SELECT ${n}::int`).then((rows) => rows)

test('a transaction on a connection with a full pipeline contains only its statements', async () => {
  const { db, close } = connectDatabase(await createDatabase(), { connections: CONNECTIONS })
  // Twice, so that each connection has prepared the statement.
  for (const _ of [1, 2]) await Promise.all(Array.from({ length: CONNECTIONS * 2 }, (_, n) => ask(db, n)))
  const most = PIPELINE * CONNECTIONS
  for (let before = most - 10; before <= most + 10; before++) {
    const asked = Array.from({ length: before }, (_, n) => ask(db, n))
    // Now the statements are sent and no response has arrived.
    for (let turn = 0; turn < 12; turn++) await null
    const begun = Array.from({ length: CONNECTIONS * 2 }, () =>
      db.transaction((tx) => tx.execute<{ id: string }>(sql`SELECT pg_current_xact_id()::text AS id`)),
    )
    await Promise.all(asked)
    const ids = (await Promise.all(begun)).map(([row]) => row?.id)
    expect(new Set(ids).size).toBe(ids.length)
  }
  const open = await db.execute(sql`
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`)
  expect([...open]).toEqual([])
  await close()
})

test('a connection stays with its transaction when its socket drains', async () => {
  const address = new URL(await createDatabase())
  const socket = net.connect(Number(address.port), address.hostname)
  await new Promise((resolve) => socket.once('connect', resolve))
  // The driver accepts a custom socket, which its types omit.
  const client = postgres(address.href, { max: 1, socket: async () => socket } as postgres.Options<never>)
  const done: string[] = []
  let other: Promise<unknown> | undefined
  await client.begin(async (tx) => {
    await tx`SELECT 1`
    socket.emit('drain')
    other = client`SELECT 1`.then(() => done.push('another query'))
    await tx`SELECT pg_sleep(0.05)`
    done.push('the transaction')
  })
  await other
  expect(done).toEqual(['the transaction', 'another query'])
  await client.end()
})

/** A pool of one connection, and a second pool that can terminate it. */
async function fragile() {
  const url = await createDatabase()
  const [one, other] = [connectDatabase(url, { connections: 1 }), connectDatabase(url)]
  return {
    db: one.db,
    other: other.db,
    pidOf: async (db: Db) => (await db.execute<{ pid: number }>(sql`SELECT pg_backend_pid() AS pid`))[0]?.pid,
    end: (pid: number | undefined) => other.db.execute(sql`SELECT pg_terminate_backend(${pid}::int, 5000)`),
    close: () => Promise.all([one.close(), other.close()]),
  }
}
const ONE = [{ one: 1 }]
const askOne = async (db: Db) => [...(await db.execute(sql`SELECT 1 AS one`))]

test('a connection that is cut during a transaction returns to the pool', async () => {
  const { db, pidOf, end, close } = await fragile()
  const aMoment = async () => {
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate)
  }
  for (let time = 0; time < 3; time++) {
    const late = Promise.withResolvers<unknown>()
    const cut = db.transaction(async (tx) => {
      await end(await pidOf(tx))
      // The driver notices between two statements: the next one and the rollback have no connection.
      await aMoment()
      await tx.execute(sql`SELECT 1`).then(late.resolve, late.resolve)
      throw new Error('connection cut')
    })
    expect(await cut.then(() => false).catch(isUnavailable)).toBe(true)
    await late.promise
    await aMoment()
    expect(await askOne(db)).toEqual(ONE)
  }
  await close()
})

test('a transaction whose connection was cut never continues on another one', async () => {
  const { db, other, pidOf, end, close } = await fragile()
  await other.execute(sql`CREATE TABLE written (note text)`)
  const late = Promise.withResolvers<unknown>()
  const waiting = Promise.withResolvers<unknown>()
  const cut = db.transaction(async (tx) => {
    const pid = await pidOf(tx)
    // The second statement waits for the first and never runs.
    const both = Promise.allSettled([1, 2].map((n) => tx.execute(sql`SELECT pg_sleep(20), ${n}::int`)))
    await end(pid)
    waiting.resolve(both)
    expect(await askOne(db)).toEqual(ONE)
    await tx.execute(sql`INSERT INTO written VALUES ('after the cut')`).then(late.resolve, late.resolve)
  })
  expect(await cut.then(() => false).catch(isUnavailable)).toBe(true)
  expect(await waiting.promise).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }])
  expect(isUnavailable(await late.promise)).toBe(true)
  expect([...(await other.execute(sql`SELECT * FROM written`))]).toEqual([])
  await close()
})

test('rows of a statement that fails halfway are not part of the next result', async () => {
  const { db, close } = await fragile()
  const failing = db.execute(sql`SELECT 1 / (n - 5) FROM generate_series(1, 10) AS n`)
  expect(await failing.then(() => 'done').catch(({ cause }) => cause.code)).toBe('22012')
  expect(await askOne(db)).toEqual(ONE)
  await close()
})

test('a connection that is cut during a result is replaced, and the pool still closes', async () => {
  const { db, pidOf, end, close } = await fragile()
  const isCut = async () => {
    const pid = await pidOf(db)
    // Ended after it has sent a part of its rows.
    const answering = db.execute(sql`
      SELECT repeat('x', 1000), CASE WHEN n > 500 THEN pg_sleep(20) END FROM generate_series(1, 1000) AS n`)
    const failed = answering.then(() => false).catch(isUnavailable)
    await end(pid)
    return failed
  }
  for (let time = 0; time < 5; time++) {
    expect(await isCut()).toBe(true)
    expect(await askOne(db)).toEqual(ONE)
  }
  expect(await isCut()).toBe(true)
  const since = performance.now()
  await close()
  expect(performance.now() - since).toBeLessThan(3000)
})

test('a statement over the time limit is cancelled, and its connection survives', async () => {
  const { db, close } = connectDatabase(await createDatabase(), { connections: 1, statementSeconds: 1 })
  const since = performance.now()
  expect(await db.execute(sql`SELECT pg_sleep(20)`).then(() => false, isUnavailable)).toBe(true)
  expect(performance.now() - since).toBeLessThan(10_000)
  expect(await askOne(db)).toEqual(ONE)
  await close()
})

test(
  'every query gets its own result while connections are cut repeatedly',
  async () => {
    const url = await createDatabase()
    const [pool, other] = [connectDatabase(url, { connections: 6 }), connectDatabase(url, { connections: 1 })]
    const end = performance.now() + sized(2, 60) * 1000
    const rows = Array.from({ length: 300 }, (_, n) => ({ n }))
    const asks = [
      async (n: number) => {
        expect([...(await pool.db.execute(sql`SELECT ${n}::int AS n`))]).toEqual([{ n }])
      },
      async () => {
        const many = await pool.db.execute(sql`
          SELECT n, repeat('x', 2000) AS text FROM generate_series(0, ${rows.length - 1}::int) AS n`)
        expect(Array.from(many, (row) => ({ n: row?.n }))).toEqual(rows)
      },
      async () => {
        const failing = pool.db.execute(sql`SELECT 1 / (n - 5) FROM generate_series(1, 10) AS n`)
        const error = await failing.catch((error) => error)
        if (error.cause?.code !== '22012') throw error
      },
      (n: number) =>
        pool.db.transaction(async (tx) => {
          const ask = async (n: number) => {
            const [row] = await tx.execute<{ n: number; id: string }>(
              sql`SELECT ${n}::int AS n, pg_current_xact_id()::text AS id`,
            )
            expect(row?.n).toBe(n)
            return row?.id
          }
          const ids = [await ask(n)]
          await Bun.sleep(Math.random() * 5)
          ids.push(...(await Promise.all([ask(n + 1), ask(n + 2)])))
          expect(new Set(ids).size).toBe(1)
        }),
    ]
    let answered = 0
    let cut = 0
    const asking = Array.from({ length: 40 }, async (_, worker) => {
      for (let n = worker; performance.now() < end; n++) {
        try {
          await asks[n % asks.length]?.(n)
          answered += 1
        } catch (error) {
          if (!isUnavailable(error)) throw error
          cut += 1
        }
      }
    })
    while (performance.now() < end) {
      await other.db.execute(sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 2`)
      await Bun.sleep(Math.random() * 60)
    }
    await Promise.all(asking)
    expect([answered > 0, cut > 0]).toEqual([true, true])
    await Promise.all([pool.close(), other.close()])
  },
  { timeout: 120_000 },
)
