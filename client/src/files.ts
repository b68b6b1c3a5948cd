import { TRPCClientError } from '@trpc/client'
import type { AppRouter } from './api'
import { reasonOf } from './errors'
import type { Fetch } from './links'
import type { Session } from './session'

/** What there is a calendar file of: one's own booking, or an event. */
export type Dated = { bookingId: string } | { eventId: string }

type FilesOptions = { base: string; session: Session; fetch: Fetch | undefined }

/** The way to what is a file and no JSON, as whoever is signed in; a token that is refused is replaced as for any call. */
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
/** JSON-RPC's code, which says nothing here: `data.reason` does. */
const INTERNAL = -32_603

/** A refusal as REST tells it, as one that a call would have met. */
async function refusalOf(answer: Response): Promise<TRPCClientError<AppRouter>> {
  const told = (await answer.json().catch(() => ({}))) as Partial<Refusal>
  const { message = answer.statusText, ...data } = told
  return TRPCClientError.from({ error: { message, code: INTERNAL, data } })
}
