import { useState } from 'react'
import { instantOf, localOf } from '../format'
import { useText } from '../i18n'
import { TextField } from '../ui/controls'

type Period = { startsAt: string; endsAt: string }

/** State of `PeriodFields`, as local times of a time zone. */
export function usePeriod(timeZone: string, { startsAt, endsAt }: Partial<Period> = {}) {
  const [from, setFrom] = useState(startsAt ? localOf(startsAt, timeZone) : '')
  const [to, setTo] = useState(endsAt ? localOf(endsAt, timeZone) : '')
  return {
    timeZone,
    from,
    setFrom,
    to,
    setTo,
    read: (): Period => ({
      startsAt: instantOfTyped(from, startsAt, timeZone),
      endsAt: instantOfTyped(to, endsAt, timeZone),
    }),
  }
}

/** An untouched field returns its instant: its text has no seconds and is ambiguous when clocks go back. */
const instantOfTyped = (typed: string, given: string | undefined, timeZone: string): string =>
  given !== undefined && typed === localOf(given, timeZone) ? given : instantOf(typed, timeZone)

export function PeriodFields({ timeZone, from, setFrom, to, setTo }: ReturnType<typeof usePeriod>) {
  const { t } = useText()
  return (
    <>
      <TextField
        label={t.operator.from}
        name="startsAt"
        type="datetime-local"
        value={from}
        onChange={setFrom}
        required
      />
      <TextField
        label={t.operator.to}
        name="endsAt"
        type="datetime-local"
        value={to}
        min={from}
        onChange={setTo}
        required
      />
      <p className="soft whole">{t.board.timesIn(timeZone)}</p>
    </>
  )
}
