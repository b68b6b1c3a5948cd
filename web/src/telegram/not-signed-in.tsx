import { isRefused } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { useSignedIn } from '../api'
import { useText } from '../i18n'
import { Button } from '../ui/controls'
import { explain } from '../ui/states'

type NotSignedInProps = { error: unknown; retry(): Promise<void> }

export function NotSignedIn({ error: first, retry }: NotSignedInProps) {
  const { t } = useText()
  const signedIn = useSignedIn()
  const again = useMutation({ mutationFn: retry })
  const error = again.error ?? first
  if (signedIn) return null
  return (
    <div className="banner" role="alert">
      <p>
        {t.telegram.notSignedIn}{' '}
        {isRefused(error, 'WRONG_CREDENTIALS') ? t.account.openAgain : explain(error, t)}
      </p>
      <Button look="quiet" disabled={again.isPending} onClick={() => again.mutate()}>
        {t.state.retry}
      </Button>
    </div>
  )
}
