import type { Board, Booking, Slot } from '@coworkspace/client'
import { formatMoney, formatTime } from '../format'
import { useText } from '../i18n'
import { Empty } from '../ui/states'
import { lookOf } from './use-board'

type BoardViewProps = {
  board: Board
  mine: Booking[]
  /** Another booking is being made: nothing can be chosen for a moment. */
  busy: boolean
  onPick(slot: Slot): void
}

/** The times of a day. What can be chosen is a button; a word says with the colour what is the matter with the rest. */
export function BoardView({ board, mine, busy, onPick }: BoardViewProps) {
  const { t, language } = useText()
  if (board.slots.length === 0) return <Empty title={t.board.empty} text={t.board.emptyText} />
  return (
    <ul className="board" aria-label={t.board.times}>
      {board.slots.map((slot) => {
        const look = lookOf(slot, mine)
        const word =
          look === 'free' && slot.units > 1 ? t.board.left(slot.free, slot.units) : t.board.status[look]
        return (
          <li key={slot.id}>
            <button
              type="button"
              className={`slot ${look}`}
              aria-disabled={look !== 'free' || busy}
              data-slot={slot.startsAt}
              onClick={() => look === 'free' && !busy && onPick(slot)}
            >
              <strong>
                {formatTime(slot.startsAt, board.timeZone, language)}
                <span className="unseen">–{formatTime(slot.endsAt, board.timeZone, language)}</span>
              </strong>
              <span className="word">{word}</span>
              {slot.priceMinor > 0 && look === 'free' && (
                <span className="price">{formatMoney(slot.priceMinor, slot.currency, language)}</span>
              )}
            </button>
          </li>
        )
      })}
    </ul>
  )
}

/** Whether what is shown is what the server has. */
export function LiveMark({ live }: { live: boolean }) {
  const { t } = useText()
  return (
    <p className={live ? 'live' : 'live waiting'} role="status">
      <span aria-hidden="true" className="dot" /> {live ? t.state.live : t.state.reconnecting}
    </p>
  )
}
