import { sql } from 'drizzle-orm'
import { bigint, boolean, check, index, pgTable, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core'
import { instant } from './columns'
import { users } from './users'

/** Which account of Telegram's is whose. A person has one, and each belongs to one person. */
export const telegramAccounts = pgTable(
  'telegram_accounts',
  {
    /** Telegram's own id of the person, which is also that of the chat with them; it has 52 bits at the most. */
    telegramId: bigint('telegram_id', { mode: 'number' }).primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    name: text('name').notNull(),
    username: text('username'),
    /** Whether the bot may write: the person has begun to talk to it, and has not blocked it since. */
    reachable: boolean('reachable').notNull().default(false),
    linkedAt: instant('linked_at').notNull().defaultNow(),
  },
  (table) => [unique('telegram_accounts_user').on(table.userId)],
)
export type TelegramAccountRow = typeof telegramAccounts.$inferSelect

/** What a person carries from the app to the bot, once and within minutes, to link the two. Only its hash is stored. */
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

/**
 * The inbox of the bot, by Telegram's own numbers. What a person wrote is kept until it was worked on, and no longer; the
 * number stays for a while, since the same update may come again.
 */
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
