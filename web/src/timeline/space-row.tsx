import type { Board, Slot, Space } from '@coworkspace/client'
import { Link } from 'wouter'
import { LiveMark } from '../board/board-view'
import { useBoard } from '../board/use-board'
import { formatPeriod, formatTime } from '../format'
import { useText } from '../i18n'
import { Failed } from '../ui/states'

/** The drawn period, in milliseconds. */
export type Axis = { from: number; to: number }

const HOUR = 3_600_000
const HOUR_PX = 40
const HEIGHT_PX = 34

const widthOf = ({ from, to }: Axis): number => Math.ceil((to - from) / HOUR) * HOUR_PX
/** Position of an instant on the axis, from 0 to 1. */
export const shareOf = (at: number, { from, to }: Axis): number => (at - from) / (to - from)
const placeOf = (at: number, axis: Axis): string => `${shareOf(at, axis) * 100}%`
const begins = (slot: Slot): number => Date.parse(slot.startsAt)
const ends = (slot: Slot): number => Date.parse(slot.endsAt)

type HoursProps = { axis: Axis; now: number; timeZone: string }

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
  /** The board does not show whether a running slot is closed. */
  isClosedNow: boolean
}

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

/** The status of a slot now, independent of the user. */
function lookAt({ status, taken, endsAt }: Slot, now: number) {
  if (taken > 0) return status === 'held' ? status : 'booked'
  if (status === 'past') return now < Date.parse(endsAt) ? 'free' : status
  return status === 'booked' || status === 'held' ? 'break' : status
}

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

/** Whether the space is occupied now, and until when. */
function Now({ board: { slots, timeZone }, now, isClosedNow }: NowProps) {
  const { t, language } = useText()
  const at = slots.findIndex((slot) => begins(slot) <= now && now < ends(slot))
  const current = slots[at]
  if (!current || (isClosedNow && current.taken === 0)) return <p className="soft">{t.operator.closedNow}</p>
  const { taken, units } = current
  // The state lasts until a slot that differs or a gap.
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
