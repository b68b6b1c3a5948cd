import { z } from 'zod'
import { Id, InstantOut } from './common'

export const RatingSchema = z
  .union([z.literal(1), z.literal(2), z.literal(3), z.literal(4), z.literal(5)])
  .meta({ description: 'From 1 to 5 stars.' })

export const ReviewSchema = z
  .object({
    id: Id,
    bookingId: Id,
    spaceId: Id.nullable(),
    specialistId: Id.nullable().meta({
      description: 'If set, the review is of the specialist only.',
    }),
    rating: RatingSchema,
    comment: z.string().nullable(),
    answer: z.string().nullable().meta({ description: 'Public reply of the specialist or an admin.' }),
    author: z.string(),
    hiddenReason: z
      .string()
      .nullable()
      .meta({ description: 'Set on hidden reviews, which only admins see.' }),
    createdAt: InstantOut,
  })
  .meta({ id: 'Review' })
export type Review = z.infer<typeof ReviewSchema>

/** Average of the visible ratings to two decimals; null without reviews. */
export const averageRating = ({ ratingSum, reviewCount }: { ratingSum: number; reviewCount: number }) =>
  reviewCount > 0 ? Math.round((ratingSum / reviewCount) * 100) / 100 : null
