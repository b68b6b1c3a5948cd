import { InvalidArgumentError } from 'commander'
import type { AnalyticsSummary } from '../schemas/analytics'
import { LocalDate } from '../schemas/common'
import { toCsv } from '../services/analytics/csv'
import { summarize } from '../services/analytics/summary'
import type { Admin, Work } from './command'
import { table } from './console'
import { parseId } from './parse'

export function addReportCommand({ program, on }: Admin): void {
  program
    .command('report')
    .description('show occupancy, revenue, the funnel from hold to visit, and returning users')
    .option('--from <date>', 'first local date; default: 29 days before --to', parseDate)
    .option('--to <date>', 'last local date; default: today (UTC)', parseDate)
    .option('--location <id>', 'only this location', parseId)
    .option('--csv', 'print every number as a row of CSV')
    .action(on(showReport))
    .addHelpText(
      'after',
      '\nExamples:\n  bun run admin report --from 2027-01-01 --to 2027-01-31\n  bun run admin report --csv > report.csv\n',
    )
}

function parseDate(text: string): string {
  if (!LocalDate.safeParse(text).success) throw new InvalidArgumentError('Not a date such as 2027-01-04.')
  return text
}

type Options = { from?: string; to?: string; location?: string; csv?: boolean }

async function showReport({ ctx, console }: Work, { location, csv, ...dates }: Options): Promise<void> {
  const summary = await summarize(ctx, { ...dates, locationId: location })
  console.show(summary, csv ? toCsv : toTables)
}

function toTables({
  from,
  to,
  funnel,
  revenue,
  topSpaces,
  topSpecialists,
  ...summary
}: AnalyticsSummary): string {
  const percent = (share: number) => `${Math.round(share * 1000) / 10} %`
  const money = (amountMinor: number, currency: string) => `${amountMinor} ${currency}`
  const top = (rows: AnalyticsSummary['topSpaces'] | AnalyticsSummary['topSpecialists'], heading: string) =>
    table(
      [heading, 'bookings', 'revenue (minor units)'],
      rows.map(({ name, bookings, amountMinor, currency }) => [name, bookings, money(amountMinor, currency)]),
      `No ${heading} bookings.`,
    )
  return [
    `From ${from} to ${to}`,
    table(['funnel', 'count'], Object.entries(funnel)),
    table(
      ['users', 'value'],
      [
        ['with a booking', summary.people],
        ['returning', percent(summary.returningShare)],
        ['no-show', percent(summary.noShowShare)],
        ['lead time in hours', summary.leadTimeHours],
      ],
    ),
    table(
      ['date', 'revenue (minor units)', 'by channel'],
      revenue.map(({ date, amountMinor, currency, sources }) => [
        date,
        money(amountMinor, currency),
        sources.map((part) => `${part.source} ${part.amountMinor}`).join(', '),
      ]),
      'No revenue.',
    ),
    top(topSpaces, 'space'),
    top(topSpecialists, 'specialist'),
    table(
      ['weekday', 'hour', 'occupancy'],
      summary.occupancy
        .filter(({ share }) => share > 0)
        .map(({ weekday, hour, share }) => [weekday, hour, percent(share)]),
      'No occupancy.',
    ),
  ].join('\n\n')
}
