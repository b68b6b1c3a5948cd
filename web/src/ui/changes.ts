import type { QueryFilters } from '@tanstack/react-query'
import { queryClient } from '../api'
import { useText } from '../i18n'
import { explain } from './states'
import { say } from './toasts'

/** Refetches every query that matches. */
export function makeOld(...filters: QueryFilters[]): void {
  for (const filter of filters) void queryClient.invalidateQueries(filter)
}

/**
 * Callbacks of a mutation without a form: shows the error as a toast and refetches.
 * @param filters for example `trpc.bookings.pathFilter()`
 */
export function useSettled(...filters: QueryFilters[]) {
  const { t } = useText()
  return {
    onError: (error: unknown) => say(explain(error, t)),
    onSettled: () => makeOld(...filters),
  }
}

/** Callbacks of a mutation in a form, which shows the error itself. */
export function useSaved(onDone: () => void, ...filters: QueryFilters[]) {
  const { t } = useText()
  return {
    onSuccess() {
      makeOld(...filters)
      say(t.state.saved)
      onDone()
    },
  }
}
