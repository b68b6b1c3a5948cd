import type { Booking } from '@coworkspace/client'
import { serverNow } from '../clock'
import { formatHours } from '../format'
import { useText } from '../i18n'

const HOUR_MS = 3_600_000

/** The refund tiers that still apply. */
export function Terms({
  of: { cancellation, startsAt },
}: {
  of: Pick<Booking, 'cancellation' | 'startsAt'>
}) {
  const { t, language } = useText()
  const hoursLeft = (Date.parse(startsAt) - serverNow()) / HOUR_MS
  const ahead = cancellation.filter(({ hoursBefore }) => hoursBefore < hoursLeft)
  return (
    <ul className="soft">
      {ahead.map(({ hoursBefore, refundPercent }) => (
        <li key={hoursBefore}>
          {hoursBefore === 0
            ? t.community.termsToStart(refundPercent)
            : t.community.terms(formatHours(hoursBefore, language), refundPercent)}
        </li>
      ))}
      {ahead.length === 0 && (
        <li>{cancellation.length > 0 ? t.bookings.noRefund : t.operator.noCancellation}</li>
      )}
    </ul>
  )
}
