import type { Space } from '@coworkspace/client'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation, useParams, useSearchParams } from 'wouter'
import { trpc, useSignedIn } from '../api'
import { BoardView, LiveMark } from '../board/board-view'
import { DayPicker } from '../board/day-picker'
import { HoldPanel, LostPanel } from '../board/hold-panel'
import { useBoard, useMine } from '../board/use-board'
import { useHolding } from '../board/use-holding'
import { dateIn, formatLength, formatMoney } from '../format'
import { useText } from '../i18n'
import { PATHS } from '../paths'
import { PayDialog } from '../payments/pay-dialog'
import { Choice } from '../ui/controls'
import { Failed, Loaded, Loading } from '../ui/states'
import { useTitle } from '../ui/title'

export default function SpacePage() {
  const { id = '' } = useParams()
  const space = useQuery(trpc.spaces.byId.queryOptions({ id }))
  return <Loaded query={space}>{(found) => <SpaceBoard space={found} />}</Loaded>
}

function SpaceBoard({ space }: { space: Space }) {
  const { t, language } = useText()
  useTitle(space.name)
  const signedIn = useSignedIn()
  const [path, navigate] = useLocation()
  const [search, setSearch] = useSearchParams()
  const date = search.get('date') ?? dateIn(space.timeZone)
  const [slots, setSlots] = useState(1)
  const [paying, setPaying] = useState(false)
  const location = useQuery(trpc.locations.byId.queryOptions({ id: space.locationId })).data
  const { board, live, error } = useBoard(space.id, date)
  const mine = useMine(board)
  const holding = useHolding(mine)
  const signIn = `${PATHS.signIn}?then=${encodeURIComponent(`${path}?date=${date}`)}`

  function pick(slot: { id: string; startsAt: string } & Parameters<typeof holding.hold>[0]['slot']) {
    if (!signedIn) return navigate(signIn)
    const endsAt = new Date(Date.parse(slot.startsAt) + slots * space.slotMinutes * 60_000).toISOString()
    holding.hold({ spaceId: space.id, slot, endsAt })
  }

  const { booking, lost } = holding
  return (
    <>
      <div className="row spread top">
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
                )}
          </p>
        </div>
        {board && <LiveMark live={live} />}
      </div>
      <DayPicker date={date} timeZone={space.timeZone} onChange={(day) => setSearch({ date: day })} />
      <div className="row spread">
        <p className="soft">{t.board.timesIn(space.timeZone.replaceAll('_', ' '))}</p>
        {space.maxSlots > 1 && (
          <Choice
            label={t.board.length}
            value={String(slots)}
            onChange={(value) => setSlots(Number(value))}
            options={Array.from({ length: Math.min(space.maxSlots, 12) }, (_, index) => ({
              value: String(index + 1),
              label: formatLength((index + 1) * space.slotMinutes, language),
            }))}
          />
        )}
      </div>
      {error && <Failed error={error} />}
      {!board && !error && <Loading />}
      {board && <BoardView board={board} mine={mine} busy={holding.isBusy} onPick={pick} />}
      {!signedIn && (
        <p className="state">
          <Link className="button main" href={signIn}>
            {t.board.signIn}
          </Link>
        </p>
      )}
      <div className="panels">
        {lost && (
          <LostPanel
            board={board}
            wanted={lost}
            busy={holding.isBusy}
            onPick={pick}
            onDismiss={holding.forgetLost}
          />
        )}
        {booking && !lost && (
          <HoldPanel
            booking={booking}
            timeZone={space.timeZone}
            busy={holding.isBusy}
            onBook={() => (booking.priceMinor > 0 ? setPaying(true) : holding.book(booking.id))}
            onRelease={() => holding.release(booking.id)}
            onAgain={() => holding.again(booking)}
            onDismiss={() => holding.dismiss(booking.id)}
          />
        )}
      </div>
      {booking && (
        <PayDialog
          booking={booking}
          timeZone={space.timeZone}
          open={paying && booking.status === 'held'}
          onPaid={(paid) => {
            setPaying(false)
            holding.follow(paid)
          }}
          onClose={() => setPaying(false)}
        />
      )}
    </>
  )
}
