import { z } from 'zod'
import { Id, Line, page, whole } from '../schemas/common'
import { LoyaltySchema } from '../schemas/loyalty'
import * as loyalty from '../services/loyalty/loyalty'
import { adminProcedure, router, signedInProcedure } from '../trpc'

const tags = ['Loyalty']

export const loyaltyRouter = router({
  mine: signedInProcedure
    .meta({ openapi: { method: 'GET', path: '/loyalty', tags, summary: "One's points, tier and entries" } })
    .input(z.strictObject(page))
    .output(LoyaltySchema)
    .query(({ ctx, input }) => loyalty.myLoyalty(ctx, input)),

  ofUser: adminProcedure
    .meta({
      openapi: { method: 'GET', path: '/users/{id}/loyalty', tags, summary: "Somebody's points and entries" },
    })
    .input(z.strictObject({ id: Id, ...page }))
    .output(LoyaltySchema)
    .query(({ ctx, input }) => loyalty.loyaltyOf(ctx, input)),

  correct: adminProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/users/{id}/loyalty',
        tags,
        summary: 'Give somebody points, or take some, with a reason that they see',
      },
    })
    .input(
      z.strictObject({
        id: Id,
        points: whole(-1_000_000, 1_000_000).refine((points) => points !== 0, 'must not be 0'),
        reason: Line(500),
      }),
    )
    .output(LoyaltySchema)
    .mutation(({ ctx, input }) => loyalty.correctPoints(ctx, input)),
})
