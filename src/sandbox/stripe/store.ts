import type postgres from 'postgres'
import { openSchema } from '../parts'

/** An object with the fields that Stripe sends. */
export type Thing = { id: string; object: string; created: number } & Record<string, unknown>
export type Delivery = { id: string; event: string; attempts: number }

/** A transaction of the sandbox. */
export type Session = {
  get(id: string): Promise<Thing | undefined>
  put(thing: Thing): Promise<void>
  list(
    object: string,
    filter: Record<string, string>,
    page: PageOf,
  ): Promise<{ things: Thing[]; more: boolean }>
  findAnswer(key: string): Promise<{ fingerprint: string; status: number; body: unknown } | undefined>
  storeAnswer(key: string, answer: { fingerprint: string; status: number; body: unknown }): Promise<void>
  deliver(event: string, afterMs: number): Promise<void>
}
export type PageOf = {
  limit: number
  startingAfter?: string | undefined
  endingBefore?: string | undefined
  createdFrom?: number | undefined
  createdTo?: number | undefined
}

export type Store = {
  session<T>(run: (session: Session) => Promise<T>): Promise<T>
  dueDeliveries(): Promise<Delivery[]>
  delivered(id: string): Promise<void>
  deliverLater(id: string, afterMs: number): Promise<void>
  pending(): Promise<number>
  nextDeliveryMs(): Promise<number | null>
  /** Returns the signing secret of this database, and stores the proposal if there is none. */
  sharedSecret(proposal: string): Promise<string>
  close(): Promise<void>
}

const LOCK = 7_261_054_931

/** Stores the sandbox's objects in a schema of their own, which all servers share. */
export async function openStore(databaseUrl: string): Promise<Store> {
  const sql = await openSchema(databaseUrl, { lock: LOCK, schema: SCHEMA, connections: 3 })
  return {
    // Sessions run one at a time, for simplicity.
    session: async (run) => {
      const result = await sql.begin(async (tx) => {
        await tx`SELECT pg_advisory_xact_lock(${LOCK})`
        return { value: await run(sessionIn(tx)) }
      })
      return result.value as Awaited<ReturnType<typeof run>>
    },
    // Each delivery is claimed by one server. If that dies, another one retries after 20 seconds.
    dueDeliveries: () => sql<Delivery[]>`
      UPDATE stripe_sandbox.deliveries SET at = clock_timestamp() + interval '20 seconds', attempts = attempts + 1
      WHERE id IN (SELECT id FROM stripe_sandbox.deliveries WHERE at <= clock_timestamp() ORDER BY at LIMIT 50 FOR UPDATE SKIP LOCKED)
      RETURNING id, event, attempts`,
    delivered: async (id) => {
      await sql`DELETE FROM stripe_sandbox.deliveries WHERE id = ${id}`
    },
    deliverLater: async (id, afterMs) => {
      await sql`UPDATE stripe_sandbox.deliveries SET at = clock_timestamp() + make_interval(secs => ${afterMs / 1000}) WHERE id = ${id}`
    },
    pending: async () => {
      const [row] = await sql<
        { count: number }[]
      >`SELECT count(*)::int AS count FROM stripe_sandbox.deliveries`
      return row?.count ?? 0
    },
    nextDeliveryMs: async () => {
      const [row] = await sql<{ ms: number | null }[]>`
        SELECT (extract(epoch FROM min(at) - clock_timestamp()) * 1000)::int AS ms FROM stripe_sandbox.deliveries`
      return row?.ms ?? null
    },
    sharedSecret: async (proposal) => {
      const [row] = await sql<{ value: string }[]>`
        INSERT INTO stripe_sandbox.settings (name, value) VALUES ('webhook secret', ${proposal})
        ON CONFLICT (name) DO UPDATE SET value = settings.value RETURNING value`
      return row?.value ?? proposal
    },
    close: () => sql.end({ timeout: 2 }),
  }
}

function sessionIn(tx: postgres.TransactionSql): Session {
  return {
    async get(id) {
      const [row] = await tx<{ body: Thing }[]>`SELECT body FROM stripe_sandbox.objects WHERE id = ${id}`
      return row?.body
    },
    async put(thing) {
      await tx`INSERT INTO stripe_sandbox.objects (id, object, created, body)
        VALUES (${thing.id}, ${thing.object}, ${thing.created}, ${JSON.stringify(thing)}::text::jsonb)
        ON CONFLICT (id) DO UPDATE SET body = excluded.body`
    },
    async list(object, filter, page) {
      const seq = (id: string) => tx`(SELECT seq FROM stripe_sandbox.objects WHERE id = ${id})`
      const rows = await tx<{ body: Thing }[]>`
        SELECT body FROM stripe_sandbox.objects
        WHERE object = ${object} AND body @> ${JSON.stringify(filter)}::text::jsonb
          ${page.startingAfter ? tx`AND seq < ${seq(page.startingAfter)}` : tx``}
          ${page.endingBefore ? tx`AND seq > ${seq(page.endingBefore)}` : tx``}
          ${page.createdFrom === undefined ? tx`` : tx`AND created >= ${page.createdFrom}`}
          ${page.createdTo === undefined ? tx`` : tx`AND created <= ${page.createdTo}`}
        ORDER BY seq ${page.endingBefore ? tx`ASC` : tx`DESC`} LIMIT ${page.limit + 1}`
      const things = rows.slice(0, page.limit).map(({ body }) => body)
      return { things: page.endingBefore ? things.reverse() : things, more: rows.length > page.limit }
    },
    async findAnswer(key) {
      const [row] = await tx<{ fingerprint: string; status: number; body: unknown }[]>`
        SELECT fingerprint, status, body FROM stripe_sandbox.answers WHERE key = ${key}`
      return row
    },
    async storeAnswer(key, { fingerprint, status, body }) {
      await tx`INSERT INTO stripe_sandbox.answers (key, fingerprint, status, body)
        VALUES (${key}, ${fingerprint}, ${status}, ${JSON.stringify(body)}::text::jsonb) ON CONFLICT (key) DO NOTHING`
    },
    async deliver(event, afterMs) {
      await tx`INSERT INTO stripe_sandbox.deliveries (event, at)
        VALUES (${event}, clock_timestamp() + make_interval(secs => ${afterMs / 1000}))`
    },
  }
}

const SCHEMA = `
  CREATE SCHEMA IF NOT EXISTS stripe_sandbox;
  CREATE TABLE IF NOT EXISTS stripe_sandbox.objects (
    id text PRIMARY KEY, seq bigint GENERATED ALWAYS AS IDENTITY, object text NOT NULL, created bigint NOT NULL, body jsonb NOT NULL);
  CREATE INDEX IF NOT EXISTS objects_kind ON stripe_sandbox.objects (object, seq);
  CREATE INDEX IF NOT EXISTS objects_body ON stripe_sandbox.objects USING gin (body jsonb_path_ops);
  CREATE TABLE IF NOT EXISTS stripe_sandbox.answers (
    key text PRIMARY KEY, fingerprint text NOT NULL, status int NOT NULL, body jsonb NOT NULL);
  CREATE TABLE IF NOT EXISTS stripe_sandbox.deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event text NOT NULL, at timestamptz NOT NULL, attempts int NOT NULL DEFAULT 0);
  CREATE TABLE IF NOT EXISTS stripe_sandbox.settings (name text PRIMARY KEY, value text NOT NULL);
  CREATE INDEX IF NOT EXISTS deliveries_due ON stripe_sandbox.deliveries (at);
`
