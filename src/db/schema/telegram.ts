import { sql } from 'drizzle-orm'
import { bigint, boolean, check, index, pgTable, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core'
import { instant } from './columns'
import { users } from './users'

/** Links a user to a Telegram account, one to one. */
export const telegramAccounts = pgTable(
  'telegram_accounts',
  {
    /** Telegram's user id, which is also the id of the private chat. At most 52 bits, so a number is exact. */
    telegramId: bigint('telegram_id', { mode: 'number' }).primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    name: text('name').notNull(),
    username: text('username'),
    /** Whether the bot can write: the user has started it and has not blocked it since. */
    reachable: boolean('reachable').notNull().default(false),
    linkedAt: instant('linked_at').notNull().defaultNow(),
  },
  (table) => [unique('telegram_accounts_user').on(table.userId)],
)
export type TelegramAccountRow = typeof telegramAccounts.$inferSelect

/** A one-time code that links the app to the bot within minutes. Only the hash is stored. */
export const telegramLinkCodes = pgTable(
  'telegram_link_codes',
  {
    userId: uuid('user_id')
      .primaryKey()
      .references(() => users.id, { onDelete: 'cascade' }),
    codeHash: text('code_hash').notNull(),
    expiresAt: instant('expires_at').notNull(),
  },
  (table) => [unique('telegram_link_codes_hash_key').on(table.codeHash)],
)

const TELEGRAM_UPDATE_STATES = ['waiting', 'done', 'ignored'] as const

/** The bot's updates. The payload is deleted after processing; the id stays to detect repeated updates. */
export const telegramUpdates = pgTable(
  'telegram_updates',
  {
    botId: bigint('bot_id', { mode: 'number' }).notNull(),
    updateId: bigint('update_id', { mode: 'number' }).notNull(),
    payload: text('payload'),
    state: text('state', { enum: TELEGRAM_UPDATE_STATES }).notNull().default('waiting'),
    receivedAt: instant('received_at').notNull().defaultNow(),
    processedAt: instant('processed_at'),
  },
  (table) => [
    primaryKey({ name: 'telegram_updates_pkey', columns: [table.botId, table.updateId] }),
    index('telegram_updates_received').on(table.receivedAt),
    check('telegram_updates_state_known', sql`${table.state} IN ('waiting', 'done', 'ignored')`),
  ],
)
