import { Toggle } from '@base-ui/react/toggle'
import { ToggleGroup } from '@base-ui/react/toggle-group'
import { useQuery } from '@tanstack/react-query'
import { useSearchParams } from 'wouter'
import { client, trpc } from '../../api'
import { DayPicker } from '../../board/day-picker'
import { addDays, dateIn, dateOf, dateParts, formatDay, instantOf } from '../../format'
import { useText } from '../../i18n'
import { Button } from '../../ui/controls'
import { Loaded } from '../../ui/states'
import type { Specialist } from '../specialists'
import { type Listed, WorkBooking } from './booking'
import { WorkPage } from './shell'

const SHOWN = ['pending', 'confirmed', 'held', 'completed', 'no_show']
/** Polling interval, in case the socket is blocked. */
const LOOK_AGAIN_MS = 30_000

export default function WorkCalendarPage() {
  const { t } = useText()
  return (
    <WorkPage title={t.work.title}>
      {(me) => (
        <>
          <Requests />
          <Calendar me={me} />
        </>
      )}
    </WorkPage>
  )
}

function Requests() {
  const { t } = useText()
  const requests = useQuery(
    trpc.bookings.list.queryOptions(
      { as: 'specialist', status: 'pending', order: 'start', limit: 100 },
      { refetchInterval: LOOK_AGAIN_MS },
    ),
  )
  return (
    <section>
      <h2>{t.work.requests}</h2>
      <Loaded query={requests}>
        {({ items }) =>
          items.length === 0 ? (
            <p className="soft">{t.work.noRequests}</p>
          ) : (
            <ul className="list">
              {items.map((booking) => (
                <li key={booking.id}>
                  <WorkBooking booking={booking} withDay />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </section>
  )
}

function Calendar({ me: { timeZone } }: { me: Specialist }) {
  const { t, language } = useText()
  const [search, setSearch] = useSearchParams()
  const date = dateOf(search.get('date'), timeZone)
  const isWeek = search.get('view') !== 'day'
  const choose = (change: { date?: string; view?: string }) =>
    setSearch((before) => ({ ...Object.fromEntries(before), ...change }), { replace: true })
  const first = isWeek ? mondayOf(date) : date
  const days = Array.from({ length: isWeek ? 7 : 1 }, (_, index) => addDays(first, index))
  const period = {
    from: instantOf(`${first}T00:00`, timeZone),
    to: instantOf(`${addDays(first, days.length)}T00:00`, timeZone),
  }
  const shortDay = (day: string) => {
    const { weekday, day: number, month } = dateParts(day, language)
    return `${weekday} ${number} ${month}`
  }
  const bookings = useQuery({
    queryKey: [...trpc.bookings.list.pathKey(), 'work', period],
    queryFn: () => everyBooking(period),
    refetchInterval: LOOK_AGAIN_MS,
  })
  return (
    <section>
      <div className="row spread">
        <h2>{t.work.calendar}</h2>
        <ToggleGroup
          className="row views"
          aria-label={t.work.view}
          value={[isWeek ? 'week' : 'day']}
          onValueChange={([view]) => typeof view === 'string' && choose({ view })}
        >
          <Toggle value="day" className="button">
            {t.work.day}
          </Toggle>
          <Toggle value="week" className="button">
            {t.work.week}
          </Toggle>
        </ToggleGroup>
      </div>
      {isWeek ? (
        <div className="row spread">
          <Button
            look="quiet"
            aria-label={t.work.earlier}
            onClick={() => choose({ date: addDays(first, -7) })}
          >
            ‹
          </Button>
          <p className="strong">
            {shortDay(first)} – {shortDay(addDays(first, 6))}
          </p>
          <Button look="quiet" aria-label={t.work.later} onClick={() => choose({ date: addDays(first, 7) })}>
            ›
          </Button>
        </div>
      ) : (
        <DayPicker date={date} timeZone={timeZone} onChange={(day) => choose({ date: day })} />
      )}
      <Loaded query={bookings}>
        {(all) => (
          <ul className="list">
            {days.map((day) => (
              <li key={day} className="agenda">
                <h3>{formatDay(`${day}T12:00:00Z`, 'UTC', language)}</h3>
                <Day bookings={all.filter(({ startsAt }) => dateIn(timeZone, new Date(startsAt)) === day)} />
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </section>
  )
}

function Day({ bookings }: { bookings: Listed[] }) {
  const { t } = useText()
  if (bookings.length === 0) return <p className="soft">{t.work.nothing}</p>
  return (
    <ul className="list">
      {bookings.map((booking) => (
        <li key={booking.id}>
          <WorkBooking booking={booking} />
        </li>
      ))}
    </ul>
  )
}

function mondayOf(date: string): string {
  const weekday = new Date(`${date}T12:00:00Z`).getUTCDay() || 7
  return addDays(date, 1 - weekday)
}

/** All bookings of a period, in chronological order. */
async function everyBooking(period: { from: string; to: string }): Promise<Listed[]> {
  const found: Listed[] = []
  let cursor: string | undefined
  do {
    const page = await client.bookings.list.query({ as: 'specialist', limit: 100, cursor, ...period })
    found.push(...page.items)
    cursor = page.nextCursor ?? undefined
  } while (cursor)
  return found
    .filter(({ status }) => SHOWN.includes(status))
    .sort((a, b) => Date.parse(a.startsAt) - Date.parse(b.startsAt))
}
