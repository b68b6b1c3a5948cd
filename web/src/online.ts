import type { Booking } from '@coworkspace/client'
import { useEffect, useState, useSyncExternalStore } from 'react'
import { serverNow } from './clock'

function listen(listener: () => void): () => void {
  window.addEventListener('online', listener)
  window.addEventListener('offline', listener)
  return () => {
    window.removeEventListener('online', listener)
    window.removeEventListener('offline', listener)
  }
}

export const useOnline = (): boolean => useSyncExternalStore(listen, () => navigator.onLine)

/** The server's time, updated every `everyMs` while `needed`. */
export function useNow(needed: boolean, everyMs = 1000): number {
  const [now, setNow] = useState(serverNow)
  useEffect(() => {
    if (!needed) return
    setNow(serverNow())
    const timer = setInterval(() => setNow(serverNow()), everyMs)
    return () => clearInterval(timer)
  }, [needed, everyMs])
  return now
}

/** Milliseconds until the hold expires; 0 if not held. */
export function useLeft({ status, holdExpiresAt }: Booking): number {
  const isHeld = status === 'held' && holdExpiresAt !== null
  const now = useNow(isHeld)
  return isHeld ? Math.max(0, Date.parse(holdExpiresAt) - now) : 0
}
