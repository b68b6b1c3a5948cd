import type { QueryFilters } from '@tanstack/react-query'
import { queryClient } from '../api'
import { useText } from '../i18n'
import { explain } from './states'
import { say } from './toasts'

/** Has everything asked for again that a change has made old. */
export function makeOld(...filters: QueryFilters[]): void {
  for (const filter of filters) void queryClient.invalidateQueries(filter)
}

/**
 * What a change does at its end that is made with one touch: say why it failed, and ask again for what it touched.
 * @param filters for example `trpc.bookings.pathFilter()`
 */
export function useSettled(...filters: QueryFilters[]) {
  const { t } = useText()
  return {
    onError: (error: unknown) => say(explain(error, t)),
    onSettled: () => makeOld(...filters),
  }
}

/** What a change does at its end that a form makes: the form shows itself why it failed. */
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
