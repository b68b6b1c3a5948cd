import type { Space } from '@coworkspace/client'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { trpc } from '../../api'
import { LiveMark } from '../../board/board-view'
import { useBoard } from '../../board/use-board'
import { dateIn, formatTime } from '../../format'
import { useText } from '../../i18n'
import { AtLocation } from '../../ui/at-location'
import { Empty, Failed, Loaded } from '../../ui/states'
import { Connected } from './announce'
import { OperatorPage } from './shell'

const LEGEND = ['free', 'held', 'booked', 'closed', 'past'] as const

export default function LivePage() {
  const { t } = useText()
  return (
    <OperatorPage title={t.operator.live}>
      <p className="soft">{t.operator.liveText}</p>
      <AtLocation>{({ id }) => <AllSpaces key={id} locationId={id} />}</AtLocation>
      <Connected />
    </OperatorPage>
  )
}

function AllSpaces({ locationId }: { locationId: string }) {
  const { t } = useText()
  const spaces = useQuery(trpc.spaces.list.queryOptions({ locationId, limit: 100 }))
  return (
    <Loaded query={spaces}>
      {({ items }) =>
        items.length === 0 ? (
          <Empty title={t.home.empty} />
        ) : (
          <>
            <ul className="row legend" aria-label={t.operator.legend}>
              {LEGEND.map((look) => (
                <li key={look} className={`slot ${look}`}>
                  {t.board.status[look]}
                </li>
              ))}
            </ul>
            <ul className="list">
              {items.map((space) => (
                <li key={space.id}>
                  <SpaceToday space={space} />
                </li>
              ))}
            </ul>
          </>
        )
      }
    </Loaded>
  )
}

function SpaceToday({ space }: { space: Space }) {
  const { t, language } = useText()
  const { board, live, error } = useBoard({ spaceId: space.id }, dateIn(space.timeZone))
  return (
    <article className="card">
      <div className="row spread">
        <h2>
          <Link href={`/spaces/${space.id}`}>{space.name}</Link>
        </h2>
        <LiveMark live={live} />
      </div>
      {error && <Failed error={error} />}
      {board?.slots.length === 0 && <p className="soft">{t.board.empty}</p>}
      {board && (
        <ul className="strip">
          {board.slots.map((slot) => (
            <li key={slot.id} className={`slot ${slot.status}`}>
              <strong>{formatTime(slot.startsAt, board.timeZone, language)}</strong>
              {slot.units > 1 && slot.status === 'free' ? (
                <span>
                  {slot.units - slot.free}/{slot.units}
                </span>
              ) : (
                <span>{t.board.status[slot.status]}</span>
              )}
            </li>
          ))}
        </ul>
      )}
    </article>
  )
}
