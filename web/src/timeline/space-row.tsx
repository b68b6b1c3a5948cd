import type { Board, Slot, Space } from '@coworkspace/client'
import { Link } from 'wouter'
import { LiveMark } from '../board/board-view'
import { useBoard } from '../board/use-board'
import { formatPeriod, formatTime } from '../format'
import { useText } from '../i18n'
import { Failed } from '../ui/states'

/** What is drawn beside each other is between these two. */
export type Axis = { from: number; to: number }

const HOUR = 3_600_000
/** As wide as an hour must be for its name to be read. */
const HOUR_PX = 40
const HEIGHT_PX = 34

const widthOf = ({ from, to }: Axis): number => Math.ceil((to - from) / HOUR) * HOUR_PX
/** How far an instant is on the way from the first hour to the last. */
export const shareOf = (at: number, { from, to }: Axis): number => (at - from) / (to - from)
const placeOf = (at: number, axis: Axis): string => `${shareOf(at, axis) * 100}%`
const begins = (slot: Slot): number => Date.parse(slot.startsAt)
const ends = (slot: Slot): number => Date.parse(slot.endsAt)

type HoursProps = { axis: Axis; now: number; timeZone: string }

/** The names of the hours above all rows, and what time it is. */
export function Hours({ axis, now, timeZone }: HoursProps) {
  const { t, language } = useText()
  const hours: number[] = []
  for (let at = Math.ceil(axis.from / HOUR) * HOUR; at < axis.to; at += HOUR) hours.push(at)
  const name = (at: number) => formatTime(new Date(at).toISOString(), timeZone, language)
  return (
    <div className="timeline-row">
      <p className="who">
        {t.operator.now} <strong>{name(now)}</strong>
      </p>
      <svg className="hours-of-day" width={widthOf(axis)} height={22} aria-hidden="true">
        {hours.map((at) => (
          <text key={at} x={placeOf(at, axis)} y="15">
            {name(at)}
          </text>
        ))}
      </svg>
    </div>
  )
}

type SpaceRowProps = {
  space: Space
  date: string
  axis: Axis
  now: number
  /** What a board does not say of a slot that has begun. */
  isClosedNow: boolean
}

/** A space: how it is now, until when, and its day. */
export function SpaceRow({ space, date, axis, now, isClosedNow }: SpaceRowProps) {
  const { t } = useText()
  const { board, live, error } = useBoard({ spaceId: space.id }, date)
  const nameOf = useSlotName(now)
  const isShown = axis.from <= now && now < axis.to
  return (
    <div className="timeline-row">
      <div className="who">
        <h2>
          <Link href={`/spaces/${space.id}`}>{space.name}</Link>
        </h2>
        {board && <Now board={board} now={now} isClosedNow={isClosedNow} />}
        {board && !live && <LiveMark live={live} />}
      </div>
      {error && <Failed error={error} />}
      {board && (
        <>
          <svg width={widthOf(axis)} height={HEIGHT_PX} aria-hidden="true">
            {board.slots.map((slot) => (
              <Cell key={slot.id} slot={slot} axis={axis} now={now} name={nameOf(slot, board.timeZone)} />
            ))}
            {isShown && (
              <line className="now" x1={placeOf(now, axis)} x2={placeOf(now, axis)} y1="0" y2="100%" />
            )}
          </svg>
          <ul className="unseen" aria-label={`${space.name}: ${t.board.times}`}>
            {board.slots.map((slot) => (
              <li key={slot.id}>{nameOf(slot, board.timeZone)}</li>
            ))}
          </ul>
        </>
      )}
    </div>
  )
}

/** What a slot is at this moment, whoever looks. */
function lookAt({ status, taken, endsAt }: Slot, now: number) {
  if (taken > 0) return status === 'held' ? status : 'booked'
  if (status === 'past') return now < Date.parse(endsAt) ? 'free' : status
  return status === 'booked' || status === 'held' ? 'break' : status
}

/** How a slot is, in words: for whoever hears the page, and for a pointer that rests on it. */
function useSlotName(now: number) {
  const { t, language } = useText()
  return (slot: Slot, timeZone: string): string => {
    const { taken, units } = slot
    const word =
      taken > 0 && units > 1 ? t.operator.unitsTaken(taken, units) : t.board.status[lookAt(slot, now)]
    return `${formatPeriod(slot, timeZone, language)}: ${word}`
  }
}

type NowProps = { board: Board; now: number; isClosedNow: boolean }

/** First what an operator wants to know: whether somebody is in, and until when that stays so. */
function Now({ board: { slots, timeZone }, now, isClosedNow }: NowProps) {
  const { t, language } = useText()
  const at = slots.findIndex((slot) => begins(slot) <= now && now < ends(slot))
  const current = slots[at]
  if (!current || (isClosedNow && current.taken === 0)) return <p className="soft">{t.operator.closedNow}</p>
  const { taken, units } = current
  // So it stays up to the first slot that is otherwise, or that does not follow at once.
  const isSame = (slot: Slot, index: number) =>
    slot.taken === taken &&
    (slot.taken > 0 || slot.status !== 'closed') &&
    slots[index - 1]?.endsAt === slot.startsAt
  const rest = slots.slice(at + 1)
  const change = rest.findIndex((slot, index) => !isSame(slot, at + 1 + index))
  const last = slots[change < 0 ? slots.length - 1 : at + change] ?? current
  const until = formatTime(last.endsAt, timeZone, language)
  if (taken === 0) return <p className="soft">{t.operator.freeNow(until)}</p>
  return (
    <p className="strong">
      {units > 1 ? t.operator.unitsTakenNow(taken, units, until) : t.operator.takenNow(until)}
    </p>
  )
}

type CellProps = { slot: Slot; axis: Axis; now: number; name: string }

/** A slot, filled as far as it is taken; what is over is paler. */
function Cell({ slot, axis, now, name }: CellProps) {
  const { taken, units } = slot
  const isOver = ends(slot) <= now
  const look = lookAt(slot, now)
  const ground = taken === 0 ? look : isOver ? 'past' : 'free'
  const x = placeOf(begins(slot), axis)
  const width = placeOf(axis.from + ends(slot) - begins(slot), axis)
  const share = Math.min(1, taken / units) * 100
  return (
    <g className={isOver ? 'over' : undefined}>
      <title>{name}</title>
      <rect className={`cell ${ground}`} x={x} width={width} height="100%" />
      <rect className={`cell ${look}`} x={x} width={width} y={`${100 - share}%`} height={`${share}%`} />
      {units > 1 && taken > 0 && (
        <text className="count" x={placeOf((begins(slot) + ends(slot)) / 2, axis)} y="50%">
          {taken}
        </text>
      )}
    </g>
  )
}
