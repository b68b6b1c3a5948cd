import { z } from 'zod'
import { Id, Line, page, whole } from '../schemas/common'
import { LoyaltySchema } from '../schemas/loyalty'
import * as loyalty from '../services/loyalty/loyalty'
import { adminProcedure, router, signedInProcedure } from '../trpc'

const tags = ['Loyalty']

export const loyaltyRouter = router({
  mine: signedInProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/loyalty',
        tags,
        summary: 'Get loyalty points',
        description: "Returns the caller's points, tier and benefits, and a page of entries.",
      },
    })
    .input(z.strictObject(page))
    .output(LoyaltySchema)
    .query(({ ctx, input }) => loyalty.myLoyalty(ctx, input)),

  ofUser: adminProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/users/{id}/loyalty',
        tags,
        summary: "Get a user's loyalty points",
        description: 'Returns the points, tier, benefits and entries of any user. Admins only.',
      },
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
        summary: "Correct a user's loyalty points",
        description:
          'Adds points, or deducts them if `points` is negative. The correction does not count towards the tier. Refused with `NOT_ENOUGH_POINTS` if fewer are left. Admins only.',
      },
    })
    .input(
      z.strictObject({
        id: Id,
        points: whole(-1_000_000, 1_000_000).refine((points) => points !== 0, 'must not be 0'),
        reason: Line(500).meta({ description: 'Shown to the user.' }),
      }),
    )
    .output(LoyaltySchema)
    .mutation(({ ctx, input }) => loyalty.correctPoints(ctx, input)),
})
