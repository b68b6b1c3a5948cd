import { reasonOf } from '@coworkspace/client'
import { TRPCClientError } from '@trpc/client'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { useMe, useSignedIn } from '../api'
import { useText } from '../i18n'
import type { Messages } from '../messages/en'
import { signInThen } from '../paths'
import { Button } from './controls'

/** What to tell a person of a call that failed: the reason in his language, else in the words of the server. */
export function explain(error: unknown, t: Messages): string {
  const reason = reasonOf(error)
  if (reason === undefined) return navigator.onLine ? t.state.unreachable : t.state.offline
  const known = t.refusals[reason]
  if (known) return known
  if (!(error instanceof TRPCClientError)) return t.state.unexpected
  if (reason !== 'INTERNAL') return error.message
  return `${t.state.unexpected} ${error.data?.requestId ? t.state.tell(error.data.requestId) : ''}`
}

export function Loading() {
  const { t } = useText()
  return (
    <p className="state" aria-busy="true">
      <span className="spinner" /> {t.state.loading}
    </p>
  )
}

export function Empty({ title, text, children }: { title: string; text?: string; children?: ReactNode }) {
  return (
    <div className="state card">
      <p className="strong">{title}</p>
      {text && <p className="soft">{text}</p>}
      {children}
    </div>
  )
}

export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useText()
  if (reasonOf(error) === 'NOT_FOUND') return <Empty title={t.state.notFound} text={t.state.notFoundText} />
  return (
    <div className="state card" role="alert">
      <p className="strong">{t.state.failed}</p>
      <p className="soft">{explain(error, t)}</p>
      {retry && <Button onClick={retry}>{t.state.retry}</Button>}
    </div>
  )
}

type Query<T> = { data: T | undefined; error: unknown; refetch(): unknown }

/** What was asked for, or why it is not there yet. What was shown before stays while it is asked for again, unless it is gone. */
export function Loaded<T>({ query, children }: { query: Query<T>; children: (data: T) => ReactNode }) {
  const isGone = query.error !== null && reasonOf(query.error) === 'NOT_FOUND'
  if (query.data !== undefined && !isGone) return children(query.data)
  if (query.error) return <Failed error={query.error} retry={() => void query.refetch()} />
  return <Loading />
}

type OnlyProps = { admin?: boolean; specialist?: boolean; children: ReactNode }

/** Shows what only those see who are signed in, and what only operators or specialists see. */
export function Only({ admin = false, specialist = false, children }: OnlyProps) {
  const { t } = useText()
  const signedIn = useSignedIn()
  const me = useMe()
  if (!signedIn) {
    return (
      <Empty title={t.state.signInFirst}>
        <Link className="button main" href={signInThen(location.href.slice(location.origin.length))}>
          {t.app.signIn}
        </Link>
      </Empty>
    )
  }
  if (!admin && !specialist) return children
  if (!me) return <Loading />
  if (specialist && me.role !== 'specialist')
    return <Empty title={t.state.notSpecialist} text={t.state.notAllowedText} />
  if (admin && me.role !== 'admin') return <Empty title={t.state.notAllowed} text={t.state.notAllowedText} />
  return children
}
