import { useMutation, useQuery } from '@tanstack/react-query'
import { forgetSession, trpc } from '../api'
import { formatMoment } from '../format'
import { useText } from '../i18n'
import { Button } from '../ui/controls'
import { explain, Loaded } from '../ui/states'
import { say } from '../ui/toasts'

export function Sessions() {
  const { t, language } = useText()
  const sessions = useQuery(trpc.auth.sessions.queryOptions())
  const end = useMutation(
    trpc.auth.endSession.mutationOptions({
      onError: (error) => say(explain(error, t)),
      onSettled: () => void sessions.refetch(),
    }),
  )
  return (
    <section className="card form">
      <h2>{t.account.sessions}</h2>
      <Loaded query={sessions}>
        {({ items }) => (
          <ul className="list lines">
            {items.map(({ id, device, lastUsedAt, isCurrent }) => (
              <li key={id} className="row spread">
                <div className="grow">
                  <p className="clip">{(device && deviceName(device)) ?? t.account.unknownDevice}</p>
                  <p className="soft">{t.account.lastUsed(formatMoment(lastUsedAt, language))}</p>
                </div>
                {isCurrent && <span className="tag">{t.account.thisDevice}</span>}
                <Button
                  look="quiet"
                  disabled={end.isPending}
                  onClick={() => end.mutate({ id }, { onSuccess: () => isCurrent && forgetSession() })}
                >
                  {isCurrent ? t.app.signOut : t.account.endSession}
                </Button>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </section>
  )
}

const BROWSERS = [
  [/Edg\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/Firefox\//, 'Firefox'],
  [/Chrome\//, 'Chrome'],
  [/Safari\//, 'Safari'],
] as const
const SYSTEMS = [
  [/iPhone|iPad/, 'iOS'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS/, 'macOS'],
  [/Linux/, 'Linux'],
] as const

/** `Firefox, Windows` for a known user agent, otherwise the text itself. */
function deviceName(device: string): string {
  const first = (known: typeof BROWSERS | typeof SYSTEMS) => known.find(([sign]) => sign.test(device))?.[1]
  return [first(BROWSERS), first(SYSTEMS)].filter(Boolean).join(', ') || device
}
