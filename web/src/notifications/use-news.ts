import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { client, queryClient, trpc, useSignedIn } from '../api'
import { makeOld } from '../ui/changes'
import { announce, say } from '../ui/toasts'
import { isOwn } from './own-doing'

/** Polling interval of the unread count, in case the socket is blocked. */
const LOOK_AGAIN_MS = 60_000
const count = { limit: 1 } as const

export function useUnread(): number {
  const signedIn = useSignedIn()
  const { data } = useQuery(
    trpc.notifications.list.queryOptions(count, { enabled: signedIn, refetchInterval: LOOK_AGAIN_MS }),
  )
  return signedIn ? (data?.unread ?? 0) : 0
}

/** Shows notifications and announcements on every page, and refetches the data they are about. */
export function useNews(): void {
  const signedIn = useSignedIn()
  useEffect(() => {
    if (!signedIn) return
    const mine = client.watchMine(
      (message) => {
        if (message.type === 'booking_update') makeOld(trpc.bookings.pathFilter())
        else if (message.type === 'payment_update') makeOld(trpc.payments.pathFilter())
        else if (message.type === 'notification') {
          makeOld(trpc.notifications.pathFilter())
          if (!isOwn(message)) say(message.text)
        } else if (message.type === 'announcement') announce(message.message)
        else if (message.type === 'notifications_unread') {
          const { unread } = message
          queryClient.setQueryData(
            trpc.notifications.list.queryKey(count),
            (before) => before && { ...before, unread },
          )
        }
      },
      { onReady: () => makeOld(trpc.notifications.pathFilter(), trpc.bookings.pathFilter()) },
    )
    return () => mine.stop()
  }, [signedIn])
}
