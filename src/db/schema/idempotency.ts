import { index, json, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt, instant } from './columns'
import { users } from './users'

/**
 * What a person asked for under a key, and the answer it got. A row without an answer is a call that still runs, for as
 * long as `running_until` is kept ahead of the clock; past it the server that ran it is taken for dead.
 */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    procedure: text('procedure').notNull(),
    key: text('key').notNull(),
    bodyHash: text('body_hash').notNull(),
    /** Which run of the call has the key now: one that was taken for dead must not touch it any more. */
    runId: uuid('run_id').notNull(),
    runningUntil: instant('running_until').notNull(),
    /** `json` and not `jsonb`: the answer keeps the order of its fields. */
    answer: json('answer').$type<{ data: unknown }>(),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ name: 'idempotency_keys_pkey', columns: [table.userId, table.procedure, table.key] }),
    index('idempotency_keys_created').on(table.createdAt),
  ],
)
