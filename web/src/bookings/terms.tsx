import type { Booking } from '@coworkspace/client'
import { formatHours } from '../format'
import { useText } from '../i18n'

/** What comes back to whoever cancels, line by line. */
export function Terms({ of: { cancellation } }: { of: Pick<Booking, 'cancellation'> }) {
  const { t, language } = useText()
  return (
    <ul className="soft">
      {cancellation.map(({ hoursBefore, refundPercent }) => (
        <li key={hoursBefore}>
          {hoursBefore === 0
            ? t.community.termsToStart(refundPercent)
            : t.community.terms(formatHours(hoursBefore, language), refundPercent)}
        </li>
      ))}
      {cancellation.length === 0 && <li>{t.operator.noCancellation}</li>}
    </ul>
  )
}
