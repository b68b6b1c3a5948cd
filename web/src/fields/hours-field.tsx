import type { Location } from '@coworkspace/client'
import { weekdayName } from '../format'
import { useText } from '../i18n'
import { Button, TextField, useIsRefused } from '../ui/controls'

type Hours = Location['hours']
const WEEKDAYS = [1, 2, 3, 4, 5, 6, 7] as const

/** Weekly opening hours. A day can have several openings; a day without one is closed. */
export function HoursField({ hours, onChange }: { hours: Hours; onChange(hours: Hours): void }) {
  const { t, language } = useText()
  const isRefused = useIsRefused('hours')
  const change = (index: number, part: Partial<Hours[number]>) =>
    onChange(hours.map((opening, at) => (at === index ? { ...opening, ...part } : opening)))
  return (
    <fieldset className="hours">
      <legend className="strong">{t.operator.hours}</legend>
      {WEEKDAYS.map((weekday) => {
        const name = weekdayName(weekday, language)
        const openings = hours.flatMap((opening, index) =>
          opening.weekday === weekday ? [{ ...opening, index }] : [],
        )
        return (
          <div key={weekday} className="row">
            <span className="weekday">{name}</span>
            {openings.length === 0 && <span className="soft">{t.operator.closedDay}</span>}
            {openings.map(({ index, opensAt, closesAt }) => (
              <span key={index} className="row opening">
                <TextField
                  className="bare"
                  label={`${name}, ${t.operator.opens}`}
                  name={`hours.${index}.opensAt`}
                  value={opensAt}
                  pattern="([01]\d|2[0-3]):[0-5]\d"
                  required
                  onChange={(value) => change(index, { opensAt: value })}
                />
                –
                <TextField
                  className="bare"
                  label={`${name}, ${t.operator.closes}`}
                  name={`hours.${index}.closesAt`}
                  value={closesAt}
                  pattern="([01]\d|2[0-3]):[0-5]\d|24:00"
                  required
                  onChange={(value) => change(index, { closesAt: value })}
                />
                <Button
                  look="quiet"
                  aria-label={`${t.state.remove}: ${name}, ${opensAt}`}
                  onClick={() => onChange(hours.filter((_, at) => at !== index))}
                >
                  ✕<span className="wide"> {t.state.remove}</span>
                </Button>
              </span>
            ))}
            <Button
              look="quiet"
              aria-label={`${t.state.add}: ${name}`}
              onClick={() => onChange([...hours, { weekday, opensAt: '09:00', closesAt: '18:00' }])}
            >
              +<span className="wide"> {t.state.add}</span>
            </Button>
          </div>
        )
      })}
      {isRefused && <p className="error">{t.operator.hoursOverlap}</p>}
    </fieldset>
  )
}
