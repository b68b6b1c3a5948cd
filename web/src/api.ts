import { type AppRouter, createClient, keepTokens, type SignedIn } from '@coworkspace/client'
import { QueryClient, useQuery } from '@tanstack/react-query'
import { createTRPCOptionsProxy } from '@trpc/tanstack-react-query'
import { useSyncExternalStore } from 'react'
import { timedFetch } from './clock'

const kept = keepTokens(localStorage)
const listeners = new Set<() => void>()
/** Whose data is kept in this tab. */
let userId = kept.getUser()?.id

function onTokens(tokens: SignedIn | null): void {
  kept.onTokens(tokens)
  noticeUser()
}

/** What one person was shown is kept for nobody else. */
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
    // The client tries again by itself what the network has lost.
    queries: { retry: false, staleTime: 30_000 },
    // A booking is made now or not at all: nobody is surprised later by one that waited for the network.
    mutations: { retry: false, networkMode: 'always' },
  },
})

/** Options of TanStack Query for every procedure: `useQuery(trpc.spaces.list.queryOptions({}))`. */
export const trpc = createTRPCOptionsProxy<AppRouter>({ client, queryClient })

function listen(listener: () => void): () => void {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}

/** The id of who is signed in, in whichever tab that was. */
export const useUserId = (): string | undefined => useSyncExternalStore(listen, () => userId)
export const useSignedIn = (): boolean => useUserId() !== undefined

/** Who is signed in, as a query: for whoever must tell apart what is not known yet and what cannot be. */
export const useMeQuery = () => useQuery(trpc.auth.me.queryOptions(undefined, { enabled: useSignedIn() }))

/** Who is signed in; undefined for nobody, and until it is known. */
export const useMe = () => useMeQuery().data

/** The spaces of a location, or of all: for their names, and to choose one. */
export const useSpaces = (locationId?: string) =>
  useQuery(trpc.spaces.list.queryOptions({ ...(locationId && { locationId }), limit: 100 })).data?.items ?? []

/** Ends the session here, also where the server cannot be told. */
export async function signOut(): Promise<void> {
  const refreshToken = kept.getRefreshToken()
  if (refreshToken) await client.auth.logout.mutate({ refreshToken }).catch(() => undefined)
  forgetSession()
}

/** The same where the server has ended it, or never knew it. */
export const forgetSession = (): void => onTokens(null)
