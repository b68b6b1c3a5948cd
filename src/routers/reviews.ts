import { z } from 'zod'
import { Id, Line, listOf, Prose, page } from '../schemas/common'
import { RatingSchema, ReviewSchema } from '../schemas/reviews'
import * as reviews from '../services/catalog/reviews'
import { adminProcedure, publicProcedure, router, signedInProcedure, specialistProcedure } from '../trpc'

const tags = ['Reviews']
const filter = {
  spaceId: Id.optional(),
  specialistId: Id.optional(),
  bookingId: Id.optional(),
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
        summary: 'Reviews of a space or a specialist, the newest first',
      },
    })
    .input(z.strictObject(filter))
    .output(listOf(ReviewSchema))
    .query(({ ctx, input }) => reviews.listReviews(ctx, input)),

  hidden: adminProcedure
    .meta({
      openapi: { method: 'GET', path: '/reviews/hidden', tags, summary: 'Reviews that are hidden, and why' },
    })
    .input(z.strictObject(filter))
    .output(listOf(ReviewSchema))
    .query(({ ctx, input }) => reviews.listHiddenReviews(ctx, input)),

  create: signedInProcedure
    .meta({
      openapi: { method: 'POST', path: '/reviews', tags, summary: "Review one's booking that took place" },
    })
    .input(z.strictObject({ bookingId: Id, rating: RatingSchema, comment: Prose(5000).optional() }))
    .output(ReviewSchema)
    .mutation(({ ctx, input }) => reviews.createReview(ctx, input)),

  update: signedInProcedure
    .meta({
      openapi: { method: 'PATCH', path: '/reviews/{id}', tags, summary: "Change one's review, for a day" },
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
        summary: 'Answer a review in public',
        description: 'The specialist whom it is of; an admin.',
      },
    })
    .input(z.strictObject({ id: Id, answer: Prose(5000).trim().min(1) }))
    .output(ReviewSchema)
    .mutation(({ ctx, input }) => reviews.answerReview(ctx, input)),

  hide: adminProcedure
    .meta({ openapi: { method: 'POST', path: '/reviews/{id}/hide', tags, summary: 'Hide a review' } })
    .input(z.strictObject({ id: Id, reason: Line(1000) }))
    .output(ReviewSchema)
    .mutation(({ ctx, input }) => reviews.hideReview(ctx, input)),

  show: adminProcedure
    .meta({
      openapi: { method: 'POST', path: '/reviews/{id}/show', tags, summary: 'Show a hidden review again' },
    })
    .input(z.strictObject({ id: Id }))
    .output(ReviewSchema)
    .mutation(({ ctx, input }) => reviews.showReview(ctx, input)),
})
