import { z } from 'zod'
import { Id, Line, listOf, Prose, page } from '../schemas/common'
import { RatingSchema, ReviewSchema } from '../schemas/reviews'
import * as reviews from '../services/catalog/reviews'
import { adminProcedure, publicProcedure, router, signedInProcedure, specialistProcedure } from '../trpc'

const tags = ['Reviews']
const filter = {
  spaceId: Id.meta({ description: 'Only reviews of this space.' }).optional(),
  specialistId: Id.meta({ description: 'Only reviews of this specialist.' }).optional(),
  bookingId: Id.meta({ description: 'Only the review of this booking.' }).optional(),
  ...page,
}

export const reviewsRouter = router({
  list: publicProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/reviews',
        tags,
        protect: false,
        summary: 'List reviews',
        description: 'Returns the visible reviews of a space, of a specialist or of all, newest first.',
      },
    })
    .input(z.strictObject(filter))
    .output(listOf(ReviewSchema))
    .query(({ ctx, input }) => reviews.listReviews(ctx, input)),

  hidden: adminProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/reviews/hidden',
        tags,
        summary: 'List hidden reviews',
        description:
          'Returns the reviews that an admin has hidden, newest first, with the reasons. Admins only.',
      },
    })
    .input(z.strictObject(filter))
    .output(listOf(ReviewSchema))
    .query(({ ctx, input }) => reviews.listHiddenReviews(ctx, input)),

  create: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/reviews',
        tags,
        summary: 'Create a review',
        description:
          "Reviews the caller's own completed booking: its specialist if it has one, otherwise its space. Refused with `ALREADY_REVIEWED` if the booking has a review.",
      },
    })
    .input(z.strictObject({ bookingId: Id, rating: RatingSchema, comment: Prose(5000).optional() }))
    .output(ReviewSchema)
    .mutation(({ ctx, input }) => reviews.createReview(ctx, input)),

  update: signedInProcedure
    .meta({
      openapi: {
        method: 'PATCH',
        path: '/reviews/{id}',
        tags,
        summary: 'Update a review',
        description: "Changes the caller's own review, within 24 hours of its creation.",
      },
    })
    .input(
      z.strictObject({ id: Id, rating: RatingSchema.optional(), comment: Prose(5000).nullable().optional() }),
    )
    .output(ReviewSchema)
    .mutation(({ ctx, input }) => reviews.updateReview(ctx, input)),

  answer: specialistProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/reviews/{id}/answer',
        tags,
        summary: 'Reply to a review',
        description:
          'Publishes a reply, which replaces an earlier one. For the reviewed specialist and admins.',
      },
    })
    .input(z.strictObject({ id: Id, answer: Prose(5000).trim().min(1) }))
    .output(ReviewSchema)
    .mutation(({ ctx, input }) => reviews.answerReview(ctx, input)),

  hide: adminProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/reviews/{id}/hide',
        tags,
        summary: 'Hide a review',
        description: 'Removes a review from lists and ratings. Only admins see the reason. Admins only.',
      },
    })
    .input(z.strictObject({ id: Id, reason: Line(1000).meta({ description: 'Shown only to admins.' }) }))
    .output(ReviewSchema)
    .mutation(({ ctx, input }) => reviews.hideReview(ctx, input)),

  show: adminProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/reviews/{id}/show',
        tags,
        summary: 'Show a hidden review',
        description: 'Returns a hidden review to lists and ratings. Admins only.',
      },
    })
    .input(z.strictObject({ id: Id }))
    .output(ReviewSchema)
    .mutation(({ ctx, input }) => reviews.showReview(ctx, input)),
})
