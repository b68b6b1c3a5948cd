import { z } from 'zod'
import { AnalyticsSummarySchema } from '../schemas/analytics'
import { Id, LocalDate } from '../schemas/common'
import { summarize, writeReport } from '../services/analytics/summary'
import { adminProcedure, router } from '../trpc'

const Period = z.strictObject({
  from: LocalDate.meta({ description: 'First local date. Default: 29 days before `to`.' }).optional(),
  to: LocalDate.meta({ description: 'Last local date. Default: today in UTC.' }).optional(),
  locationId: Id.meta({ description: 'Only this location. Default: all.' }).optional(),
})

export const analyticsRouter = router({
  summary: adminProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/analytics/summary',
        tags: ['Analytics'],
        summary: 'Get booking statistics',
        description:
          'Returns occupancy, revenue, the booking funnel and returning users for the local dates from `from` to `to`, both included. The default is the last 30 days, the maximum is 366 days. Admins only.',
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
        summary: 'Export booking statistics',
        description:
          'Returns the same numbers as CSV, one row per number. Amounts are in minor units, shares are from 0 to 1. Admins only.',
      },
    })
    .input(Period)
    .output(z.object({ csv: z.string() }))
    .query(({ ctx, input }) => writeReport(ctx, input)),
})
