import { type AppRouter, createClient, keepTokens, type SignedIn } from '@coworkspace/client'
import { QueryClient, useQuery } from '@tanstack/react-query'
import { createTRPCOptionsProxy } from '@trpc/tanstack-react-query'
import { useSyncExternalStore } from 'react'

const kept = keepTokens(localStorage)
const listeners = new Set<() => void>()

async function onTokens(tokens: SignedIn | null): Promise<void> {
  await kept.onTokens(tokens)
  for (const listener of listeners) listener()
}

export const client = createClient({ url: location.origin, ...kept, onTokens })

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
  // Another tab has signed in or out.
  window.addEventListener('storage', listener)
  return () => {
    listeners.delete(listener)
    window.removeEventListener('storage', listener)
  }
}

export const useSignedIn = (): boolean => useSyncExternalStore(listen, () => Boolean(kept.getToken()))

/** Who is signed in; undefined for nobody, and until it is known. */
export function useMe() {
  const signedIn = useSignedIn()
  const { data } = useQuery(trpc.auth.me.queryOptions(undefined, { enabled: signedIn }))
  return signedIn ? data : undefined
}

/** The spaces of a location, or of all: for their names, and to choose one. */
export const useSpaces = (locationId?: string) =>
  useQuery(trpc.spaces.list.queryOptions({ ...(locationId && { locationId }), limit: 100 })).data?.items ?? []

/** Ends the session here, also where the server cannot be told. */
export async function signOut(): Promise<void> {
  const refreshToken = await kept.getRefreshToken()
  if (refreshToken) await client.auth.logout.mutate({ refreshToken }).catch(() => undefined)
  await forgetSession()
}

export async function forgetSession(): Promise<void> {
  await onTokens(null)
  queryClient.clear()
}
