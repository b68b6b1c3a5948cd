import { sql } from 'drizzle-orm'
import { boolean, check, index, integer, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { createdAt, id, instant } from './columns'
import { locations } from './locations'
import { type CancellationTier, SPACE_KINDS } from './spaces'
import { users } from './users'

/**
 * The calendar of one user at one location, in its time zone. `version` and `rulesVersion` count as in `spaces`, under a lock
 * on this row; `rulesVersion` also counts changes of the services.
 */
export const specialists = pgTable(
  'specialists',
  {
    id: id(),
    /** Null after the account was deleted. */
    userId: uuid('user_id').references(() => users.id, { onDelete: 'set null' }),
    locationId: uuid('location_id')
      .notNull()
      .references(() => locations.id),
    name: text('name').notNull(),
    about: text('about').notNull().default(''),
    /** The grid of boards that are read without a service. */
    slotMinutes: integer('slot_minutes').notNull().default(30),
    minNoticeMinutes: integer('min_notice_minutes').notNull().default(0),
    maxNoticeDays: integer('max_notice_days').notNull().default(90),
    ratingSum: integer('rating_sum').notNull().default(0),
    reviewCount: integer('review_count').notNull().default(0),
    version: integer('version').notNull().default(1),
    rulesVersion: integer('rules_version').notNull().default(1),
    removedAt: instant('removed_at'),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex('specialists_user').on(table.userId).where(sql`${table.removedAt} IS NULL`),
    index('specialists_location').on(table.locationId),
    check('specialists_slot_minutes', sql`${table.slotMinutes} BETWEEN 5 AND 1440`),
  ],
)
export type SpecialistRow = typeof specialists.$inferSelect

/** A booking copies the price, deposit, buffer, policy and approval rule of its service. */
export const services = pgTable(
  'services',
  {
    id: id(),
    specialistId: uuid('specialist_id')
      .notNull()
      .references(() => specialists.id),
    name: text('name').notNull(),
    durationMinutes: integer('duration_minutes').notNull().default(60),
    bufferMinutes: integer('buffer_minutes').notNull().default(0),
    priceMinor: integer('price_minor').notNull().default(0),
    depositMinor: integer('deposit_minor').notNull().default(0),
    currency: text('currency').notNull().default('EUR'),
    needsApproval: boolean('needs_approval').notNull().default(false),
    /** How long the specialist has to approve, in hours, but never beyond the start. */
    answerHours: integer('answer_hours').notNull().default(24),
    needsRoom: boolean('needs_room').notNull().default(false),
    roomKind: text('room_kind', { enum: SPACE_KINDS }).notNull().default('meeting_room'),
    roomCapacity: integer('room_capacity').notNull().default(1),
    cancellation: jsonb('cancellation')
      .$type<CancellationTier[]>()
      .notNull()
      .default([{ hoursBefore: 24, refundPercent: 100 }]),
    removedAt: instant('removed_at'),
    createdAt: createdAt(),
  },
  (table) => [
    index('services_specialist').on(table.specialistId),
    check('services_duration', sql`${table.durationMinutes} BETWEEN 5 AND 1440`),
    check('services_buffer', sql`${table.bufferMinutes} BETWEEN 0 AND 1440`),
    check('services_money', sql`${table.depositMinor} BETWEEN 0 AND ${table.priceMinor}`),
    check('services_answer_hours', sql`${table.answerHours} BETWEEN 1 AND 720`),
    check(
      'services_room_kind_known',
      sql`${table.roomKind} IN ('desk', 'meeting_room', 'private_office', 'event_hall', 'phone_booth')`,
    ),
  ],
)
export type ServiceRow = typeof services.$inferSelect
