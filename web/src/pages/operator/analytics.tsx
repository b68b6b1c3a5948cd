import type { Inputs, Outputs } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { Suspense } from 'react'
import { useSearchParams } from 'wouter'
import { client, trpc } from '../../api'
import { addDays, dateIn, formatHours, formatMoment, formatShare, isDate } from '../../format'
import { useText } from '../../i18n'
import { useSettled } from '../../ui/changes'
import { Button, Choice, TextField } from '../../ui/controls'
import { later } from '../../ui/later'
import { saveAs } from '../../ui/save-as'
import { Loaded, Loading } from '../../ui/states'
import { OperatorPage } from './shell'

const Charts = later(() => import('../../charts'))

const PERIODS = [7, 30, 90] as const

export default function AnalyticsPage() {
  const { t } = useText()
  return (
    <OperatorPage title={t.operator.analytics.title}>
      <Analytics />
    </OperatorPage>
  )
}

/** Keeps the period and the location in the URL, so that the link can be shared. */
function Analytics() {
  const { t } = useText()
  const [search, setSearch] = useSearchParams()
  const locations = useQuery(trpc.locations.list.queryOptions({ limit: 100 })).data?.items ?? []
  const locationId = search.get('location') ?? undefined
  const [first, last] = [search.get('from'), search.get('to')]
  const to = isDate(last) ? last : dateIn(Intl.DateTimeFormat().resolvedOptions().timeZone)
  const from = isDate(first) ? first : addDays(to, -29)
  const summary = useQuery(
    trpc.analytics.summary.queryOptions({ from, to, ...(locationId && { locationId }) }),
  )
  const show = (change: { from?: string; to?: string; location?: string }) => {
    const { location = locationId, ...days } = { from, to, ...change }
    setSearch({ ...days, ...(location && location !== 'all' && { location }) }, { replace: true })
  }
  return (
    <>
      <div className="row filters">
        <Choice
          label={t.home.location}
          value={locationId ?? 'all'}
          onChange={(location) => show({ location })}
          options={[
            { value: 'all', label: t.operator.analytics.allLocations },
            ...locations.map(({ id, name }) => ({ value: id, label: name })),
          ]}
        />
        <TextField
          label={t.operator.from}
          type="date"
          value={from}
          max={to}
          onChange={(day) => day && show({ from: day })}
        />
        <TextField
          label={t.operator.to}
          type="date"
          value={to}
          min={from}
          onChange={(day) => day && show({ to: day })}
        />
        <div className="row periods">
          {PERIODS.map((days) => (
            <Button key={days} look="quiet" onClick={() => show({ from: addDays(to, 1 - days) })}>
              {t.operator.analytics.days(days)}
            </Button>
          ))}
        </div>
      </div>
      <Loaded query={summary}>
        {(data) => (
          <>
            <Figures summary={data} />
            <Report {...{ from, to, locationId }} />
            <Suspense fallback={<Loading />}>
              <Charts summary={data} />
            </Suspense>
          </>
        )}
      </Loaded>
    </>
  )
}

function Report({ from, to, locationId }: Inputs['analytics']['report']) {
  const { t } = useText()
  const download = useMutation({
    mutationFn: () => client.analytics.report.query({ from, to, ...(locationId && { locationId }) }),
    onSuccess: ({ csv }) => saveAs(`coworkspace-${from}-${to}.csv`, 'text/csv', csv),
    ...useSettled(),
  })
  return (
    <div className="row">
      <Button disabled={download.isPending} onClick={() => download.mutate()}>
        {t.operator.analytics.download}
      </Button>
    </div>
  )
}

function Figures({ summary }: { summary: Outputs['analytics']['summary'] }) {
  const { t, language } = useText()
  const { people, returningShare, noShowShare, leadTimeHours, asOf } = summary
  const figures = [
    [t.operator.analytics.people, people.toLocaleString(language)],
    [t.operator.analytics.returning, formatShare(returningShare, language)],
    [t.operator.analytics.leadTime, formatHours(leadTimeHours, language)],
    [t.operator.analytics.noShows, formatShare(noShowShare, language)],
  ]
  return (
    <section className="card stack" aria-label={t.operator.analytics.inNumbers}>
      <dl className="figures">
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt className="soft">{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p className="soft">{t.operator.analytics.asOf(formatMoment(asOf, language))}</p>
    </section>
  )
}
