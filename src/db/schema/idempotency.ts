import { index, json, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt, instant } from './columns'
import { users } from './users'

/**
 * A call under an Idempotency-Key, and its answer. A row without an answer is a running call, until `runningUntil`, which the
 * server renews. After that the server is presumed dead.
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
    /** The run that owns the key. A run that was presumed dead must not write to it. */
    runId: uuid('run_id').notNull(),
    runningUntil: instant('running_until').notNull(),
    /** `json` because `jsonb` would change the order of the fields. */
    answer: json('answer').$type<{ data: unknown }>(),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ name: 'idempotency_keys_pkey', columns: [table.userId, table.procedure, table.key] }),
    index('idempotency_keys_created').on(table.createdAt),
  ],
)
