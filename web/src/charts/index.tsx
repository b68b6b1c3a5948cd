import type { Outputs } from '@coworkspace/client'
import { addDays, formatMoney, formatShare, formatShortDay, weekdayName } from '../format'
import { useText } from '../i18n'
import { Figure } from './figure'
import { Bars, HeatMap, HeatScale } from './plots'

type Summary = Outputs['analytics']['summary']

/** All charts of a period. A separate chunk, because it loads the chart library. */
export default function Charts({ summary }: { summary: Summary }) {
  const { t } = useText()
  return (
    <>
      <Occupancy {...summary} />
      <Revenue {...summary} />
      <RevenueBySource {...summary} />
      <Funnel {...summary} />
      <Top
        title={t.operator.analytics.topSpaces}
        of={t.operator.space}
        ranked={summary.topSpaces.map(({ spaceId, ...space }) => ({ id: spaceId, ...space }))}
      />
      <Top
        title={t.operator.analytics.topSpecialists}
        of={t.roles.specialist}
        ranked={summary.topSpecialists.map(({ specialistId, ...person }) => ({
          id: specialistId,
          ...person,
        }))}
      />
    </>
  )
}

function Occupancy({ occupancy }: Summary) {
  const { t, language } = useText()
  const share = (value: number) => formatShare(value, language)
  const most = occupancy.toSorted((a, b) => b.share - a.share)[0]
  return (
    <Figure
      title={t.operator.analytics.occupancy}
      summary={
        most && most.share > 0
          ? t.operator.analytics.busiest(weekdayName(most.weekday, language), most.hour, share(most.share))
          : t.operator.analytics.nothing
      }
      columns={[t.operator.analytics.weekday, t.operator.analytics.hour, t.operator.analytics.occupied]}
      rows={occupancy.map(({ weekday, hour, ...cell }) => ({
        key: `${weekday} ${hour}`,
        cells: [weekdayName(weekday, language), `${hour}:00`, share(cell.share)],
      }))}
    >
      <HeatMap label={t.operator.analytics.occupancy} heats={occupancy} format={share} />
      <HeatScale format={share} />
    </Figure>
  )
}

/** Draws one chart per currency. */
function Revenue({ revenue, from, to }: Summary) {
  const { t, language } = useText()
  const currencies = [...new Set(revenue.map(({ currency }) => currency))]
  if (currencies.length === 0)
    return (
      <Figure
        title={t.operator.analytics.revenue}
        summary={t.operator.analytics.nothing}
        columns={[]}
        rows={[]}
      >
        {null}
      </Figure>
    )
  return currencies.map((currency) => {
    const days = revenue.filter((day) => day.currency === currency)
    const money = (minor: number) => formatMoney(minor, currency, language)
    const title = `${t.operator.analytics.revenue} (${currency})`
    return (
      <Figure
        key={currency}
        title={title}
        summary={t.operator.analytics.sum(money(days.reduce((sum, day) => sum + day.amountMinor, 0)))}
        columns={[
          t.operator.analytics.day,
          t.operator.analytics.received,
          t.operator.givenBack,
          t.operator.analytics.revenue,
        ]}
        rows={days.map(({ date, receivedMinor, refundedMinor, amountMinor }) => ({
          key: date,
          cells: [
            formatShortDay(date, language),
            money(receivedMinor),
            money(refundedMinor),
            money(amountMinor),
          ],
        }))}
      >
        <Bars
          label={title}
          points={datesBetween(from, to).map((date) => ({
            name: formatShortDay(date, language),
            value: days.find((day) => day.date === date)?.amountMinor ?? 0,
          }))}
          format={money}
        />
      </Figure>
    )
  })
}

function RevenueBySource({ revenue }: Summary) {
  const { t, language } = useText()
  return [...Map.groupBy(revenue, ({ currency }) => currency)].map(([currency, days]) => {
    const money = (minor: number) => formatMoney(minor, currency, language)
    const title = `${t.operator.analytics.revenueBySource} (${currency})`
    const channels = [
      ...Map.groupBy(
        days.flatMap(({ sources }) => sources),
        ({ source }) => source,
      ),
    ]
      .map(([source, parts]) => ({
        name: t.operator.analytics.sources[source],
        value: parts.reduce((sum, { amountMinor }) => sum + amountMinor, 0),
      }))
      .toSorted((a, b) => b.value - a.value)
    return (
      <Figure
        key={currency}
        title={title}
        summary={channels[0] ? t.operator.analytics.most(channels[0].name) : t.operator.analytics.nothing}
        columns={[t.operator.analytics.source, t.operator.analytics.revenue]}
        rows={channels.map(({ name, value }) => ({ key: name, cells: [name, money(value)] }))}
      >
        <Bars lying label={title} points={channels} format={money} />
      </Figure>
    )
  })
}

function Funnel({ funnel }: Summary) {
  const { t, language } = useText()
  const steps = (['held', 'paid', 'completed', 'cancelled', 'noShow', 'expired'] as const).map((step) => ({
    name: t.operator.analytics.steps[step],
    value: funnel[step],
  }))
  const count = (value: number) => value.toLocaleString(language)
  return (
    <Figure
      title={t.operator.analytics.funnel}
      summary={
        funnel.held > 0
          ? t.operator.analytics.ofHolds(count(funnel.held), formatShare(funnel.paid / funnel.held, language))
          : t.operator.analytics.nothing
      }
      columns={[t.operator.analytics.step, t.operator.analytics.count]}
      rows={steps.map(({ name, value }) => ({ key: name, cells: [name, count(value)] }))}
    >
      <Bars lying label={t.operator.analytics.funnel} points={steps} format={count} />
    </Figure>
  )
}

type Ranked = Omit<Summary['topSpaces'][number], 'spaceId'> & { id: string }
type TopProps = { title: string; of: string; ranked: Ranked[] }

function Top({ title, of, ranked }: TopProps) {
  const { t, language } = useText()
  const count = (value: number) => value.toLocaleString(language)
  const [first] = ranked
  return (
    <Figure
      title={title}
      summary={first ? t.operator.analytics.most(first.name) : t.operator.analytics.nothing}
      columns={[of, t.operator.bookings, t.operator.analytics.revenue]}
      rows={ranked.map(({ id, name, bookings, amountMinor, currency }) => ({
        key: id,
        cells: [name, count(bookings), formatMoney(amountMinor, currency, language)],
      }))}
    >
      <Bars
        lying
        label={title}
        points={ranked.map(({ name, bookings }) => ({ name, value: bookings }))}
        format={count}
      />
    </Figure>
  )
}

/** Includes days without revenue. */
function datesBetween(from: string, to: string): string[] {
  const dates: string[] = []
  for (let date = from; date <= to; date = addDays(date, 1)) dates.push(date)
  return dates
}
