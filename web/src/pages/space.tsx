import type { Space } from '@coworkspace/client'
import { useQuery } from '@tanstack/react-query'
import { useParams, useSearchParams } from 'wouter'
import { trpc } from '../api'
import { BookATime } from '../board/book-a-time'
import { dateOf, formatLength, formatMoney } from '../format'
import { useText } from '../i18n'
import { Reviews } from '../reviews/reviews'
import { Choice } from '../ui/controls'
import { Rating } from '../ui/stars'
import { Loaded } from '../ui/states'
import { useTitle } from '../ui/title'

const MOST_SLOTS = 12

export default function SpacePage() {
  const { id = '' } = useParams()
  const space = useQuery(trpc.spaces.byId.queryOptions({ id }))
  return (
    <Loaded isPage query={space}>
      {(found) => <SpaceBoard space={found} />}
    </Loaded>
  )
}

function SpaceBoard({ space }: { space: Space }) {
  const { t, language } = useText()
  useTitle(space.name)
  const [search, setSearch] = useSearchParams()
  const most = Math.min(space.maxSlots, MOST_SLOTS)
  const asked = Math.floor(Number(search.get('slots')))
  const slots = asked >= 1 && asked <= most ? asked : 1
  const show = (change: { date?: string; slots?: string }, options?: { replace: boolean }) =>
    setSearch((before) => ({ ...Object.fromEntries(before), ...change }), options)
  const location = useQuery(trpc.locations.byId.queryOptions({ id: space.locationId })).data
  return (
    <>
      <div>
        <p className="soft">
          {t.kinds[space.kind]}
          {location && ` · ${[location.name, location.city].filter(Boolean).join(', ')}`}
        </p>
        <h1>{space.name}</h1>
        <p className="soft">
          {t.home.people(space.capacity)} ·{' '}
          {space.priceMinor === 0
            ? t.home.free
            : t.home.perSlot(
                formatMoney(space.priceMinor, space.currency, language),
                formatLength(space.slotMinutes, language),
              )}{' '}
          <Rating {...space} />
        </p>
      </div>
      <BookATime
        dayOf={{ spaceId: space.id }}
        date={dateOf(search.get('date'), space.timeZone)}
        timeZone={space.timeZone}
        onDate={(date) => show({ date })}
        length={slots}
        wishFor={({ startsAt, endsAt }) => ({ spaceId: space.id, startsAt, endsAt })}
      >
        {space.maxSlots > 1 && (
          <Choice
            label={t.board.length}
            value={String(slots)}
            onChange={(value) => show({ slots: value }, { replace: true })}
            options={Array.from({ length: most }, (_, index) => ({
              value: String(index + 1),
              label: formatLength((index + 1) * space.slotMinutes, language),
            }))}
          />
        )}
      </BookATime>
      <Reviews of={{ spaceId: space.id }} name={location?.name ?? t.app.name} />
    </>
  )
}
