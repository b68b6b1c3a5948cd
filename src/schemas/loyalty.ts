import { z } from 'zod'
import { LOYALTY_KINDS, type LoyaltyEntryRow } from '../db/schema/loyalty'
import { iso } from '../lib/time'
import { Id, InstantOut } from './common'

export const LoyaltyEntrySchema = z
  .object({
    id: Id,
    points: z.int(),
    kind: z.enum(LOYALTY_KINDS).meta({
      description:
        '`earned` by a booking that took place, `reviewed`, `clawed_back` with a refund or a hidden review, `redeemed`, ' +
        '`given_back` with a hold that ended or a booking that was cancelled, `correction` by an operator.',
    }),
    bookingId: Id.nullable(),
    reason: z.string().nullable().meta({ description: 'Why an operator has corrected.' }),
    createdAt: InstantOut,
  })
  .meta({ id: 'LoyaltyEntry' })

export const LoyaltySchema = z
  .object({
    points: z.int().meta({ description: 'The sum of all entries. A refund may take it below zero.' }),
    tier: z.enum(['bronze', 'silver', 'gold']),
    tierPoints: z
      .int()
      .meta({ description: 'What was earned in the last twelve months, which decides the tier.' }),
    nextTierAt: z.int().nullable().meta({ description: 'At how many of these the next tier begins.' }),
    benefits: z.object({
      discountPercent: z
        .int()
        .meta({ description: 'Taken off the price of what is held of a space or a specialist.' }),
      extraNoticeDays: z
        .int()
        .meta({ description: 'So much further ahead than everyone may this person hold a time.' }),
    }),
    entries: z.array(LoyaltyEntrySchema).meta({ description: 'The newest first.' }),
    nextCursor: z.string().nullable(),
  })
  .meta({ id: 'Loyalty' })
export type Loyalty = z.infer<typeof LoyaltySchema>

export const loyaltyEntryView = (row: LoyaltyEntryRow): Loyalty['entries'][number] => ({
  id: row.id,
  points: row.points,
  kind: row.kind,
  bookingId: row.bookingId,
  reason: row.reason,
  createdAt: iso(row.createdAt),
})
