import { TRPCClientError } from '@trpc/client'
import type { AppRouter } from './api'
import { reasonOf } from './errors'
import type { Fetch } from './links'
import type { Session } from './session'

export type Dated = { bookingId: string } | { eventId: string }

type FilesOptions = { base: string; session: Session; fetch: Fetch | undefined }

export function createFiles({ base, session, fetch = globalThis.fetch }: FilesOptions) {
  async function read(path: string, isTokenNew = false): Promise<string> {
    const token = await session.token()
    const headers = new Headers(token === undefined ? [] : [['authorization', `Bearer ${token}`]])
    const answer = await fetch(`${base}${path}`, { headers })
    if (answer.ok) return answer.text()
    const refusal = await refusalOf(answer)
    if (await session.refused(token, reasonOf(refusal), isTokenNew)) return read(path, true)
    throw refusal
  }
  return {
    calendarFile: (of: Dated): Promise<string> =>
      read(`/api/${'bookingId' in of ? `bookings/${of.bookingId}` : `events/${of.eventId}`}/calendar.ics`),
  }
}

type Refusal = { message: string } & NonNullable<TRPCClientError<AppRouter>['data']>
const INTERNAL = -32_603

/** Converts a REST refusal into the error that a tRPC call would throw. */
async function refusalOf(answer: Response): Promise<TRPCClientError<AppRouter>> {
  const body = (await answer.json().catch(() => ({}))) as Partial<Refusal>
  const { message = answer.statusText, ...data } = body
  return TRPCClientError.from({ error: { message, code: INTERNAL, data } })
}
