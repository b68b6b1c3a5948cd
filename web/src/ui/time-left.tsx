import { formatCountdown } from '../format'
import { useText } from '../i18n'

/** How long something is still held, second by second. */
export const Countdown = ({ leftMs }: { leftMs: number }) => (
  <span className="countdown" role="timer">
    {formatCountdown(leftMs)}
  </span>
)

/** The same in words. */
export function TimeLeft({ leftMs }: { leftMs: number }) {
  const { t } = useText()
  return (
    <>
      <Countdown leftMs={leftMs} /> {t.board.until}
    </>
  )
}
