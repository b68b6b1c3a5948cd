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
      description: 'A booking with a specialist is reviewed for them alone.',
    }),
    rating: RatingSchema,
    comment: z.string().nullable(),
    answer: z.string().nullable(),
    author: z.string(),
    hiddenReason: z
      .string()
      .nullable()
      .meta({ description: 'Why an admin has hidden it; only admins see such reviews.' }),
    createdAt: InstantOut,
  })
  .meta({ id: 'Review' })
export type Review = z.infer<typeof ReviewSchema>

/** The average of what people see, to two decimals; null where nobody has said anything. */
export const averageRating = ({ ratingSum, reviewCount }: { ratingSum: number; reviewCount: number }) =>
  reviewCount > 0 ? Math.round((ratingSum / reviewCount) * 100) / 100 : null
