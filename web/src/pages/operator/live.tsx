import type { Location, Space } from '@coworkspace/client'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { trpc } from '../../api'
import { addDays, dateIn, instantOf } from '../../format'
import { useText } from '../../i18n'
import { useNow } from '../../online'
import { type Axis, Hours, SpaceRow, shareOf } from '../../timeline/space-row'
import { AtLocation } from '../../ui/at-location'
import { Empty, Loaded } from '../../ui/states'
import { Connected } from './announce'
import { OperatorPage } from './shell'

const LEGEND = ['free', 'held', 'booked', 'closed', 'past'] as const
const LOOK_AGAIN_MS = 15_000

export default function LivePage() {
  const { t } = useText()
  return (
    <OperatorPage title={t.operator.live}>
      <p className="soft">{t.operator.liveText}</p>
      <AtLocation>{(location) => <AllSpaces key={location.id} location={location} />}</AtLocation>
      <Connected />
    </OperatorPage>
  )
}

function AllSpaces({ location }: { location: Location }) {
  const { t } = useText()
  const spaces = useQuery(trpc.spaces.list.queryOptions({ locationId: location.id, limit: 100 }))
  return (
    <Loaded query={spaces}>
      {({ items }) =>
        items.length === 0 ? <Empty title={t.home.empty} /> : <Today location={location} spaces={items} />
      }
    </Loaded>
  )
}

function Today({ location, spaces }: { location: Location; spaces: Space[] }) {
  const { t } = useText()
  const now = useNow(true, LOOK_AGAIN_MS)
  const date = dateIn(location.timeZone, new Date(now))
  const closures =
    useQuery(trpc.closures.list.queryOptions({ locationId: location.id, limit: 100 })).data?.items ?? []
  const axis = axisOf(date, location, spaces)
  const chart = useRef<HTMLElement>(null)
  const isOpen = axis !== undefined
  // biome-ignore lint/correctness/useExhaustiveDependencies: scrolls to now once, then leaves the position to the user
  useEffect(() => {
    if (chart.current && axis)
      chart.current.scrollLeft =
        shareOf(now, axis) * chart.current.scrollWidth - chart.current.clientWidth / 2
  }, [isOpen])
  if (!axis) return <Empty title={t.board.empty} />
  return (
    <>
      <ul className="row legend" aria-label={t.operator.legend}>
        {LEGEND.map((look) => (
          <li key={look} className={`slot ${look}`}>
            {t.board.status[look]}
          </li>
        ))}
      </ul>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard */}
      <section ref={chart} className="timeline card" tabIndex={0} aria-label={t.operator.liveText}>
        <Hours axis={axis} now={now} timeZone={location.timeZone} />
        <ul>
          {spaces.map((space) => (
            <li key={space.id}>
              <SpaceRow
                space={space}
                date={date}
                axis={axis}
                now={now}
                isClosedNow={closures.some(
                  ({ spaceId, specialistId, startsAt, endsAt }) =>
                    specialistId === null &&
                    (spaceId === null || spaceId === space.id) &&
                    Date.parse(startsAt) <= now &&
                    now < Date.parse(endsAt),
                )}
              />
            </li>
          ))}
        </ul>
      </section>
    </>
  )
}

/** From the first opening to the last closing of the day; undefined if every space is closed. */
function axisOf(date: string, { hours, timeZone }: Location, spaces: Space[]): Axis | undefined {
  const weekday = new Date(`${date}T12:00:00Z`).getUTCDay() || 7
  const openings = spaces
    .flatMap((space) => space.hours ?? hours)
    .filter((opening) => opening.weekday === weekday)
    .map(({ opensAt, closesAt }) => {
      const isNextDay = closesAt <= opensAt || closesAt === '24:00'
      const closing = `${isNextDay ? addDays(date, 1) : date}T${closesAt === '24:00' ? '00:00' : closesAt}`
      return {
        from: Date.parse(instantOf(`${date}T${opensAt}`, timeZone)),
        to: Date.parse(instantOf(closing, timeZone)),
      }
    })
  if (openings.length === 0) return undefined
  return {
    from: Math.min(...openings.map(({ from }) => from)),
    to: Math.max(...openings.map(({ to }) => to)),
  }
}
