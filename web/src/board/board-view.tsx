import type { Board } from '@coworkspace/client'
import type { ReactNode } from 'react'
import { formatMoney, formatTime } from '../format'
import { useText } from '../i18n'
import { Empty } from '../ui/states'
import type { Time } from './use-board'

type TimesProps = {
  times: Time[]
  timeZone: string
  /** Disables every slot: a booking is being made, or the device is offline. */
  busy: boolean
  /** Start of the requested time while the request is pending. */
  asked?: string | undefined
  onPick(time: Time): void
}

type BoardViewProps = Omit<TimesProps, 'timeZone'> & {
  board: Board
  /** Shown if nothing is free. */
  children?: ReactNode
}

/** The slots of a day, with past ones folded away. */
export function BoardView({ board, times, children, ...rest }: BoardViewProps) {
  const { t, language } = useText()
  if (times.length === 0)
    return (
      <Empty title={t.board.empty} text={t.board.emptyText}>
        {children}
      </Empty>
    )
  const [over, ahead] = [times.filter(isOver), times.filter((time) => !isOver(time))]
  const [first, last] = [over[0], over.at(-1)]
  const hour = (instant: string) => formatTime(instant, board.timeZone, language)
  return (
    <>
      {first && last && (
        <details className="folded">
          <summary>{t.board.over(`${hour(first.startsAt)}–${hour(last.endsAt)}`)}</summary>
          <Times times={over} timeZone={board.timeZone} {...rest} />
        </details>
      )}
      {ahead.length > 0 && <Times times={ahead} timeZone={board.timeZone} {...rest} />}
      {ahead.length === 0 ? (
        <Empty title={t.board.allOver}>{children}</Empty>
      ) : (
        ahead.every(({ look, isFree }) => !isFree && look !== 'holding') && children
      )}
    </>
  )
}

const isOver = ({ look }: Time) => look === 'past'

function Times({ times, timeZone, busy, asked, onPick }: TimesProps) {
  const { t, language } = useText()
  return (
    <ul className={times.some(({ isLong }) => isLong) ? 'board long' : 'board'} aria-label={t.board.times}>
      {times.map((time) => {
        const { look, isFree, free, units } = time
        const mayPick = !busy && (isFree || look === 'holding')
        const left = isFree && units > 1 && t.board.left(free, units)
        const words = look === 'free' && left ? [left] : [wordOf(time, t.board), left]
        return (
          <li key={time.id}>
            <button
              type="button"
              className={time.startsAt === asked ? `slot ${look} asked` : `slot ${look}`}
              aria-disabled={!mayPick}
              data-slot={time.startsAt}
              onClick={() => mayPick && onPick(time)}
            >
              <strong>
                {formatTime(time.startsAt, timeZone, language)}
                <span className={time.isLong ? 'end' : 'unseen'}>
                  –{formatTime(time.endsAt, timeZone, language)}
                </span>
              </strong>
              <span className="word">{words.filter(Boolean).join(' · ')}</span>
              {time.priceMinor > 0 && isFree && (
                <span className="price">{formatMoney(time.priceMinor, time.currency, language)}</span>
              )}
            </button>
          </li>
        )
      })}
    </ul>
  )
}

type Words = ReturnType<typeof useText>['t']['board']

const wordOf = ({ look, reason }: Time, words: Words): string =>
  look === 'closed' && (reason === 'TOO_EARLY' || reason === 'TOO_LATE')
    ? words.notNow[reason]
    : words.status[look]

export function LiveMark({ live }: { live: boolean }) {
  const { t } = useText()
  return (
    <p className={live ? 'live' : 'live waiting'} role="status">
      <span aria-hidden="true" className="dot" /> {live ? t.state.live : t.state.reconnecting}
    </p>
  )
}
