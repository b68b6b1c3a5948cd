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
    .description('occupancy, revenue, the way from hold to visit, and who comes back')
    .option('--from <date>', 'the first local date', parseDate)
    .option('--to <date>', 'the last local date; without them the last 30 days', parseDate)
    .option('--location <id>', 'only this location', parseId)
    .option('--csv', 'every number as a row of CSV')
    .action(on(showReport))
    .addHelpText(
      'after',
      '\nExamples:\n  bun run admin report --from 2027-01-01 --to 2027-01-31\n  bun run admin report --csv > report.csv\n',
    )
}

function parseDate(text: string): string {
  if (!LocalDate.safeParse(text).success)
    throw new InvalidArgumentError('It is not a date such as 2027-01-04.')
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
      [heading, 'bookings', 'brought in (minor units)'],
      rows.map(({ name, bookings, amountMinor, currency }) => [name, bookings, money(amountMinor, currency)]),
      'Nothing was booked.',
    )
  return [
    `From ${from} to ${to}`,
    table(['of holds', 'number'], Object.entries(funnel)),
    table(
      ['of people', 'number'],
      [
        ['had a booking', summary.people],
        ['came for more than one', percent(summary.returningShare)],
        ['did not come', percent(summary.noShowShare)],
        ['hours ahead', summary.leadTimeHours],
      ],
    ),
    table(
      ['date', 'revenue (minor units)', 'by door'],
      revenue.map(({ date, amountMinor, currency, sources }) => [
        date,
        money(amountMinor, currency),
        sources.map((part) => `${part.source} ${part.amountMinor}`).join(', '),
      ]),
      'No money moved.',
    ),
    top(topSpaces, 'space'),
    top(topSpecialists, 'specialist'),
    table(
      ['weekday', 'hour', 'taken'],
      summary.occupancy
        .filter(({ share }) => share > 0)
        .map(({ weekday, hour, share }) => [weekday, hour, percent(share)]),
      'No unit was taken.',
    ),
  ].join('\n\n')
}
