import { useMutation } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useText } from '../i18n'
import { useOnline } from '../online'
import { Button } from '../ui/controls'
import { explain, Loading } from '../ui/states'

/** A board normally arrives within this time. */
const PATIENCE_MS = 5000

/** A spinner until the board arrives; after PATIENCE_MS, a button that reads it once. */
export function WaitForBoard({ ask }: { ask(): Promise<void> }) {
  const { t } = useText()
  const online = useOnline()
  const [isLate, setLate] = useState(false)
  const retry = useMutation({ mutationFn: ask })
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), PATIENCE_MS)
    return () => clearTimeout(timer)
  }, [])
  if (online && !isLate)
    return (
      <div className="wait">
        <Loading />
      </div>
    )
  return (
    <div className="state card" role="status">
      <p className="strong">{t.board.waiting}</p>
      <p className="soft">{retry.error ? explain(retry.error, t) : t.board.waitingText}</p>
      <Button disabled={retry.isPending || !online} onClick={() => retry.mutate()}>
        {t.state.retry}
      </Button>
    </div>
  )
}
