import { type AppRouter, createClient, keepTokens, type SignedIn } from '@coworkspace/client'
import { QueryClient, useQuery } from '@tanstack/react-query'
import { createTRPCOptionsProxy } from '@trpc/tanstack-react-query'
import { useSyncExternalStore } from 'react'
import { timedFetch } from './clock'

const kept = keepTokens(localStorage)
const listeners = new Set<() => void>()
/** The user whose data this tab caches. */
let userId = kept.getUser()?.id

function onTokens(tokens: SignedIn | null): void {
  kept.onTokens(tokens)
  noticeUser()
}

/** Clears the cache when the user changes, so that no data is shown to another user. */
function noticeUser(): void {
  const id = kept.getUser()?.id
  if (id === userId) return
  userId = id
  queryClient.clear()
  for (const listener of listeners) listener()
}

// Another tab has signed in or out.
window.addEventListener('storage', noticeUser)

export const client = createClient({ url: location.origin, fetch: timedFetch, ...kept, onTokens })

export const queryClient = new QueryClient({
  defaultOptions: {
    // The client package already retries after network errors.
    queries: { retry: false, staleTime: 30_000 },
    // Never queue a mutation while offline: a booking must not be made later as a surprise.
    mutations: { retry: false, networkMode: 'always' },
  },
})

/** TanStack Query options for every procedure: `useQuery(trpc.spaces.list.queryOptions({}))`. */
export const trpc = createTRPCOptionsProxy<AppRouter>({ client, queryClient })

function listen(listener: () => void): () => void {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}

/** The id of the signed-in user. Follows sign-ins in other tabs. */
export const useUserId = (): string | undefined => useSyncExternalStore(listen, () => userId)
export const useSignedIn = (): boolean => useUserId() !== undefined

/** The current user as a query, to tell "not loaded yet" from "failed". */
export const useMeQuery = () => useQuery(trpc.auth.me.queryOptions(undefined, { enabled: useSignedIn() }))

/** The current user; undefined if signed out or not loaded yet. */
export const useMe = () => useMeQuery().data

export const useSpaces = (locationId?: string) =>
  useQuery(trpc.spaces.list.queryOptions({ ...(locationId && { locationId }), limit: 100 })).data?.items ?? []

/** Ends the session in this browser, even if the server cannot be reached. */
export async function signOut(): Promise<void> {
  const refreshToken = kept.getRefreshToken()
  if (refreshToken) await client.auth.logout.mutate({ refreshToken }).catch(() => undefined)
  forgetSession()
}

/** Drops the session locally, after the server ended or rejected it. */
export const forgetSession = (): void => onTokens(null)
