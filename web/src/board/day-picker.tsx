import { Toggle } from '@base-ui/react/toggle'
import { ToggleGroup } from '@base-ui/react/toggle-group'
import type { ReactNode } from 'react'
import { addDays, dateIn, dateParts } from '../format'
import { useText } from '../i18n'
import { Button, TextField } from '../ui/controls'

type DayPickerProps = {
  date: string
  timeZone: string
  onChange(date: string): void
  /** More fields beside the date field. */
  children?: ReactNode
}

const SHOWN_DAYS = 7

/** A week of days and a date field, in the location's time zone. */
export function DayPicker({ date, timeZone, onChange, children }: DayPickerProps) {
  const { t, language } = useText()
  const today = dateIn(timeZone)
  const ahead = Math.round((Date.parse(date) - Date.parse(today)) / 86_400_000)
  const first = addDays(today, Math.floor(ahead / SHOWN_DAYS) * SHOWN_DAYS)
  const days = Array.from({ length: SHOWN_DAYS }, (_, index) => addDays(first, index))
  return (
    <div className="days">
      <Button
        look="quiet"
        aria-label={t.board.earlier}
        disabled={first <= today}
        onClick={() => onChange(addDays(first, -1))}
      >
        ‹
      </Button>
      <ToggleGroup
        className="week"
        aria-label={t.board.day}
        value={[date]}
        onValueChange={([chosen]) => typeof chosen === 'string' && onChange(chosen)}
      >
        {days.map((day) => {
          const { weekday, day: number, month } = dateParts(day, language)
          return (
            <Toggle key={day} value={day} className="day">
              <span>{day === today ? t.board.today : weekday}</span>
              <strong>{number}</strong>
              <span>{month}</span>
            </Toggle>
          )
        })}
      </ToggleGroup>
      <Button look="quiet" aria-label={t.board.later} onClick={() => onChange(addDays(first, SHOWN_DAYS))}>
        ›
      </Button>
      <div className="beside">
        <TextField
          className="date"
          label={t.board.date}
          type="date"
          value={date}
          min={today}
          onChange={(chosen) => chosen && onChange(chosen)}
        />
        {children}
      </div>
    </div>
  )
}
