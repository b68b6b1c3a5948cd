import { z } from 'zod'
import { AnalyticsSummarySchema } from '../schemas/analytics'
import { Id, LocalDate } from '../schemas/common'
import { summarize, writeReport } from '../services/analytics/summary'
import { adminProcedure, router } from '../trpc'

const Period = z.strictObject({
  from: LocalDate.optional(),
  to: LocalDate.optional(),
  locationId: Id.optional(),
})

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
    .input(Period)
    .output(AnalyticsSummarySchema)
    .query(({ ctx, input }) => summarize(ctx, input)),

  report: adminProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/analytics/report',
        tags: ['Analytics'],
        summary: 'The same as CSV, a row for each number',
        description: 'Money in the smallest unit of its currency, shares from 0 to 1.',
      },
    })
    .input(Period)
    .output(z.object({ csv: z.string() }))
    .query(({ ctx, input }) => writeReport(ctx, input)),
})
