import { TRPCClientError } from '@trpc/client'
import type { AppRouter, Reason } from './api'

type RefusalData = NonNullable<TRPCClientError<AppRouter>['data']>

/** A call that the server refused. Quote `data.requestId` to the operator. */
export type Refused<R extends Reason = Reason> = TRPCClientError<AppRouter> & {
  data: Omit<RefusalData, 'reason'> & { reason: R }
}

/**
 * Whether the server refused the call with one of the given reasons, or with any reason if none is given.
 * @example if (isRefused(error, 'SLOT_TAKEN', 'HOLD_EXPIRED')) chooseAnotherTime()
 */
export function isRefused<R extends Reason = Reason>(error: unknown, ...reasons: R[]): error is Refused<R> {
  const reason = reasonOf(error)
  return reason !== undefined && (reasons.length === 0 || reasons.some((wanted) => wanted === reason))
}

/** The reason of a refusal; undefined for other errors, such as a network failure. */
export function reasonOf(error: unknown): Reason | undefined {
  if (!(error instanceof TRPCClientError)) return undefined
  const { data }: { data?: Partial<RefusalData> | null } = error
  return data?.reason
}
