import { sql } from 'drizzle-orm'
import { boolean, check, index, pgTable, primaryKey, text, unique, uuid } from 'drizzle-orm/pg-core'
import { createdAt, id, instant } from './columns'

/** A deleted user with payments remains as a row without personal data, because the law requires records of the bookings. */
export const users = pgTable(
  'users',
  {
    id: id(),
    email: text('email'),
    name: text('name').notNull(),
    role: text('role', { enum: ['customer', 'specialist', 'admin'] })
      .notNull()
      .default('customer'),
    language: text('language', { enum: ['en', 'it', 'fr'] })
      .notNull()
      .default('en'),
    /** Counted among attendees and check-ins, but not named. */
    hidden: boolean('hidden').notNull().default(false),
    passwordHash: text('password_hash'),
    /** The customer at Stripe, which stores the card of a deposit. */
    stripeCustomerId: text('stripe_customer_id'),
    deletedAt: instant('deleted_at'),
    createdAt: createdAt(),
  },
  (table) => [
    unique('users_email_key').on(table.email),
    // For searches by a part of the text.
    index('users_email_trigrams').using('gin', sql`${table.email} gin_trgm_ops`),
    index('users_name_trigrams').using('gin', sql`lower(${table.name}) gin_trgm_ops`),
    check('users_email_lower', sql`${table.email} = lower(${table.email})`),
    check('users_role_known', sql`${table.role} IN ('customer', 'specialist', 'admin')`),
    check('users_language_known', sql`${table.language} IN ('en', 'it', 'fr')`),
  ],
)
export type UserRow = typeof users.$inferSelect

/** Every refresh token issued; those of one sign-in share a `family`. Only hashes are stored. */
export const refreshTokens = pgTable(
  'refresh_tokens',
  {
    id: id(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    family: uuid('family').notNull(),
    tokenHash: text('token_hash').notNull(),
    device: text('device'),
    /** `web`, `telegram_widget`, `telegram_mini_app`, or a name sent by the client. */
    platform: text('platform').notNull().default('web'),
    replacedBy: uuid('replaced_by'),
    replacedAt: instant('replaced_at'),
    endedAt: instant('ended_at'),
    expiresAt: instant('expires_at').notNull(),
    createdAt: createdAt(),
  },
  (table) => [
    unique('refresh_tokens_hash_key').on(table.tokenHash),
    index('refresh_tokens_user').on(table.userId),
    index('refresh_tokens_family').on(table.family),
    index('refresh_tokens_expires').on(table.expiresAt),
  ],
)
export type RefreshTokenRow = typeof refreshTokens.$inferSelect

/** The content of a feed: the user's own bookings and events, or the bookings of the user as a specialist. */
export const FEED_KINDS = ['person', 'specialist'] as const
export type FeedKind = (typeof FEED_KINDS)[number]

/** The secret in the URL of a calendar feed. Only the hash is stored; a new secret replaces the old. */
export const calendarSecrets = pgTable(
  'calendar_secrets',
  {
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    kind: text('kind', { enum: FEED_KINDS }).notNull().default('person'),
    secretHash: text('secret_hash').notNull(),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ name: 'calendar_secrets_owner_pkey', columns: [table.userId, table.kind] }),
    unique('calendar_secrets_hash_key').on(table.secretHash),
    check('calendar_secrets_kind_known', sql`${table.kind} IN ('person', 'specialist')`),
  ],
)
