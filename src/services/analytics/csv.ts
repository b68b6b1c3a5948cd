import { stringify } from 'csv-stringify/sync'
import type { AnalyticsSummary } from '../../schemas/analytics'

/** Columns that do not apply are empty. */
type ReportRow = {
  part: string
  date: string
  weekday: number | ''
  hour: number | ''
  source: string
  id: string
  name: string
  measure: string
  currency: string
  value: number
}

const NOTHING = { date: '', weekday: '', hour: '', source: '', id: '', name: '', currency: '' } as const

/** Renders a summary as CSV, one number per row. Money is in minor units; shares are from 0 to 1. */
export const toCsv = (summary: AnalyticsSummary): string =>
  // Names are written by users, and a spreadsheet would run a name that looks like a formula.
  stringify(reportRows(summary), { header: true, escape_formulas: true }).trimEnd()

function reportRows(summary: AnalyticsSummary): ReportRow[] {
  const row = (part: string, measure: string, value: number, of: Partial<ReportRow> = {}): ReportRow => ({
    part,
    ...NOTHING,
    ...of,
    measure,
    value,
  })
  const top = (part: string, id: string, { name, currency, bookings, amountMinor }: Ranked) => [
    row(part, 'bookings', bookings, { id, name, currency }),
    row(part, 'amountMinor', amountMinor, { id, name, currency }),
  ]
  return [
    ...Object.entries(summary.funnel).map(([measure, value]) => row('funnel', measure, value)),
    row('people', 'people', summary.people),
    row('people', 'returningShare', summary.returningShare),
    row('people', 'noShowShare', summary.noShowShare),
    row('people', 'leadTimeHours', summary.leadTimeHours),
    ...summary.revenue.flatMap(({ date, currency, sources, ...money }) => [
      ...Object.entries(money).map(([measure, value]) => row('revenue', measure, value, { date, currency })),
      ...sources.map(({ source, amountMinor }) =>
        row('revenueBySource', 'amountMinor', amountMinor, { date, currency, source }),
      ),
    ]),
    ...summary.topSpaces.flatMap(({ spaceId, ...rest }) => top('topSpaces', spaceId, rest)),
    ...summary.topSpecialists.flatMap(({ specialistId, ...rest }) =>
      top('topSpecialists', specialistId, rest),
    ),
    ...summary.occupancy.map(({ weekday, hour, share }) =>
      row('occupancy', 'share', share, { weekday, hour }),
    ),
  ]
}

type Ranked = Omit<AnalyticsSummary['topSpaces'][number], 'spaceId'>
