import { formatCountdown } from '../format'
import { useText } from '../i18n'

export const Countdown = ({ leftMs }: { leftMs: number }) => (
  <span className="countdown" role="timer">
    {formatCountdown(leftMs)}
  </span>
)

export function TimeLeft({ leftMs }: { leftMs: number }) {
  const { t } = useText()
  return (
    <>
      <Countdown leftMs={leftMs} /> {t.board.until}
    </>
  )
}
