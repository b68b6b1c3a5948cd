import { z } from 'zod'
import { summarize } from '../services/analytics'
import { AnalyticsSummaryShape } from '../shapes/analytics'
import { Id, LocalDate } from '../shapes/common'
import { adminProcedure, router } from '../trpc'

export const analyticsRouter = router({
  summary: adminProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/analytics/summary',
        tags: ['Analytics'],
        summary: 'Occupancy, revenue, the way from hold to visit, and who comes back',
        description:
          'Of the local dates from `from` to `to`, both included, a year at the most; the last 30 days where they are not given.',
      },
    })
    .input(
      z.strictObject({ from: LocalDate.optional(), to: LocalDate.optional(), locationId: Id.optional() }),
    )
    .output(AnalyticsSummaryShape)
    .query(({ ctx, input }) => summarize(ctx, input)),
})
