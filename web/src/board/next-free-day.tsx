import { useQuery } from '@tanstack/react-query'
import { trpc } from '../api'
import { addDays, formatDay } from '../format'
import { useText } from '../i18n'
import { Button } from '../ui/controls'
import { type DayOf, dayOnce, timesOf } from './use-board'

/** Days requested in parallel per step. */
const STEP = 7
const STEPS = 4

type NextFreeDayProps = { dayOf: DayOf; date: string; length: number; onDate(date: string): void }

/** A button to the next day with a free time; nothing if there is none within 28 days. */
export function NextFreeDay({ dayOf, date, length, onDate }: NextFreeDayProps) {
  const { t, language } = useText()
  const next = useQuery({
    queryKey: [...trpc.slots.pathKey(), 'next', dayOf, date, length],
    queryFn: () => findFreeDay(dayOf, date, length),
  }).data
  if (!next) return null
  return (
    <p className="row">
      <Button look="main" onClick={() => onDate(next)}>
        {t.board.nextFree(formatDay(`${next}T12:00:00Z`, 'UTC', language))}
      </Button>
    </p>
  )
}

async function findFreeDay(dayOf: DayOf, date: string, length: number): Promise<string | null> {
  for (let step = 0; step < STEPS; step++) {
    const days = Array.from({ length: STEP }, (_, index) => addDays(date, step * STEP + index + 1))
    const boards = await Promise.all(days.map((day) => dayOnce(dayOf, day)))
    const found = boards.find((board) => timesOf(board, { mine: [], length }).some(({ isFree }) => isFree))
    if (found) return found.date
    // The booking window ends here, so later days are closed too.
    if (boards.some(({ slots }) => slots.some(({ reason }) => reason === 'TOO_EARLY'))) return null
  }
  return null
}
