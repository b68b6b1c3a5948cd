import { isRefused, reasonOf } from '@coworkspace/client'
import { TRPCClientError } from '@trpc/client'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { forgetSession, useMeQuery, useSignedIn } from '../api'
import { useText } from '../i18n'
import type { Messages } from '../messages/en'
import { signInThen } from '../paths'
import { Button } from './controls'

/** The text of an error: translated by its reason, otherwise the server's message. */
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

type OfPage = {
  /** Renders the text as the page's heading. */
  isPage?: boolean | undefined
}

type EmptyProps = OfPage & { title: string; text?: string; children?: ReactNode }

export function Empty({ title, text, isPage, children }: EmptyProps) {
  return (
    <div className="state card">
      <Said isPage={isPage}>{title}</Said>
      {text && <p className="soft">{text}</p>}
      {children}
    </div>
  )
}

const Said = ({ isPage, children }: OfPage & { children: string }) =>
  isPage ? <h1>{children}</h1> : <p className="strong">{children}</p>

/** Includes a malformed id, as in a mistyped URL. */
const isNotThere = (error: unknown): boolean =>
  isRefused(error, 'NOT_FOUND') ||
  (isRefused(error, 'VALIDATION') && !!error.data.issues?.every(({ path }) => path === 'id'))

type FailedProps = OfPage & { error: unknown; retry?: () => void }

export function Failed({ error, retry, isPage }: FailedProps) {
  const { t } = useText()
  if (isNotThere(error)) return <Empty isPage={isPage} title={t.state.notFound} text={t.state.notFoundText} />
  return (
    <div className="state card" role="alert">
      <Said isPage={isPage}>{t.state.failed}</Said>
      <p className="soft">{explain(error, t)}</p>
      {isRefused(error, 'NOT_SIGNED_IN') ? (
        <SignInLink />
      ) : (
        retry && <Button onClick={retry}>{t.state.retry}</Button>
      )}
    </div>
  )
}

/** Signs in and returns. Drops the session that the server rejected. */
function SignInLink() {
  const { t } = useText()
  return (
    <Link
      className="button main"
      href={signInThen(location.href.slice(location.origin.length))}
      onClick={forgetSession}
    >
      {t.app.signIn}
    </Link>
  )
}

export type Query<T> = { data: T | undefined; error: unknown; refetch(): unknown }
type LoadedProps<T> = OfPage & { query: Query<T>; children: (data: T) => ReactNode }

/** The data, a spinner or the error. Data stays visible during a refetch, unless it was deleted. */
export function Loaded<T>({ query, isPage, children }: LoadedProps<T>) {
  if (query.data !== undefined && !isNotThere(query.error)) return children(query.data)
  if (query.error) return <Failed isPage={isPage} error={query.error} retry={() => void query.refetch()} />
  return <Loading />
}

type OnlyProps = { admin?: boolean; specialist?: boolean; children: ReactNode }

/** Restricts its children to signed-in users, or to one role. */
export function Only({ admin = false, specialist = false, children }: OnlyProps) {
  const { t } = useText()
  const signedIn = useSignedIn()
  const me = useMeQuery()
  if (!signedIn)
    return (
      <Empty title={t.state.signInFirst}>
        <SignInLink />
      </Empty>
    )
  if (!admin && !specialist) return children
  return (
    <Loaded query={me}>
      {({ role }) => {
        if (specialist && role !== 'specialist')
          return <Empty title={t.state.notSpecialist} text={t.state.notAllowedText} />
        if (admin && role !== 'admin')
          return <Empty title={t.state.notAllowed} text={t.state.notAllowedText} />
        return children
      }}
    </Loaded>
  )
}
