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
        '`earned` by a completed booking, `reviewed` for a review, `clawed_back` by a refund or a hidden review, `redeemed` ' +
        'for a booking, `given_back` by an expired hold or a cancelled booking, `correction` by an admin.',
    }),
    bookingId: Id.nullable(),
    reason: z.string().nullable().meta({ description: 'Reason of a correction.' }),
    createdAt: InstantOut,
  })
  .meta({ id: 'LoyaltyEntry' })

export const LoyaltySchema = z
  .object({
    points: z.int().meta({ description: 'Sum of all entries. A refund can make it negative.' }),
    tier: z.enum(['bronze', 'silver', 'gold']),
    tierPoints: z
      .int()
      .meta({ description: 'Points earned in the last twelve months, which determine the tier.' }),
    nextTierAt: z
      .int()
      .nullable()
      .meta({ description: 'Value of `tierPoints` at which the next tier begins.' }),
    benefits: z.object({
      discountPercent: z.int().meta({ description: 'Discount on holds of spaces and specialists.' }),
      extraNoticeDays: z.int().meta({ description: 'Days added to `maxNoticeDays` for this user.' }),
    }),
    entries: z.array(LoyaltyEntrySchema).meta({ description: 'Newest first.' }),
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
