import type { User } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { trpc } from '../api'
import { useText } from '../i18n'
import { useSettled } from '../ui/changes'
import { Button } from '../ui/controls'
import { SecretAddress } from '../ui/secret-address'

/** Private iCal addresses of the user's bookings and, for a specialist, of their work. */
export function CalendarFeeds({ me }: { me: User }) {
  const { t } = useText()
  return (
    <section className="card form">
      <h2>{t.account.feed}</h2>
      <p className="soft">{t.account.feedText}</p>
      <Feed of="person" title={t.account.feedMine} />
      {me.role === 'specialist' && <Feed of="specialist" title={t.account.feedWork} />}
    </section>
  )
}

function Feed({ of, title }: { of: 'person' | 'specialist'; title: string }) {
  const { t } = useText()
  const renew = useMutation(trpc.calendar.renew.mutationOptions({ onError: useSettled().onError }))
  return (
    <>
      <SecretAddress label={title} url={renew.data?.url} />
      <Button disabled={renew.isPending} onClick={() => renew.mutate({ of })}>
        {t.state.named(t.account.feedNew, title)}
      </Button>
    </>
  )
}
