import { Meter } from '@base-ui/react/meter'
import type { Outputs } from '@coworkspace/client'
import { useInfiniteQuery } from '@tanstack/react-query'
import { client, trpc } from '../../api'
import { formatMoment } from '../../format'
import { useText } from '../../i18n'
import { Button } from '../../ui/controls'
import { Loaded } from '../../ui/states'
import { MinePage } from './shell'

type Loyalty = Outputs['loyalty']['mine']

export default function PointsPage() {
  const { t } = useText()
  return (
    <MinePage title={t.mine.points}>
      <Points />
    </MinePage>
  )
}

function Points() {
  const { t } = useText()
  const query = useInfiniteQuery({
    queryKey: [...trpc.loyalty.mine.pathKey(), 'pages'],
    queryFn: ({ pageParam }) => client.loyalty.mine.query({ limit: 20, cursor: pageParam }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ nextCursor }: Loyalty) => nextCursor ?? undefined,
  })
  return (
    <Loaded query={query}>
      {({ pages }) =>
        pages[0] && (
          <>
            <Standing loyalty={pages[0]} />
            <section className="card">
              <h2>{t.mine.entries}</h2>
              <Entries entries={pages.flatMap(({ entries }) => entries)} />
              {query.hasNextPage && (
                <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  {t.state.more}
                </Button>
              )}
            </section>
          </>
        )
      }
    </Loaded>
  )
}

function Standing({ loyalty: { points, tier, tierPoints, nextTierAt, benefits } }: { loyalty: Loyalty }) {
  const { t } = useText()
  return (
    <section className={`card standing ${tier}`}>
      <p className="big">{t.mine.pointsCount(points)}</p>
      <p>
        <span className="tag">{t.mine.tiers[tier]}</span>
      </p>
      {nextTierAt !== null && (
        <Meter.Root className="meter" value={Math.min(tierPoints, nextTierAt)} max={nextTierAt}>
          <Meter.Label>{t.mine.nextTier(nextTierAt - tierPoints)}</Meter.Label>
          <Meter.Track className="track">
            <Meter.Indicator className="filled" />
          </Meter.Track>
        </Meter.Root>
      )}
      <p className="soft">{t.mine.tierText}</p>
      {benefits.discountPercent > 0 && <p>{t.mine.discount(benefits.discountPercent)}</p>}
      {benefits.extraNoticeDays > 0 && <p>{t.mine.notice(benefits.extraNoticeDays)}</p>}
    </section>
  )
}

function Entries({ entries }: { entries: Loyalty['entries'] }) {
  const { t, language } = useText()
  if (entries.length === 0) return <p className="soft">{t.mine.noEntries}</p>
  return (
    <ul className="list lines">
      {entries.map(({ id, kind, points, reason, createdAt }) => (
        <li key={id} className="row spread">
          <div className="grow">
            <p>{t.mine.entryKinds[kind]}</p>
            <p className="soft">
              {formatMoment(createdAt, language)}
              {reason && ` · ${reason}`}
            </p>
          </div>
          <p className={points < 0 ? 'amount' : 'amount gained'}>{points > 0 ? `+${points}` : points}</p>
        </li>
      ))}
    </ul>
  )
}
