import { TRPCClientError } from '@trpc/client'
import type { AppRouter, Reason } from './api'

type RefusalData = NonNullable<TRPCClientError<AppRouter>['data']>

/** A call that the server refused, with its reason; `data.requestId` is what to tell its operator. */
export type Refused<R extends Reason = Reason> = TRPCClientError<AppRouter> & {
  data: Omit<RefusalData, 'reason'> & { reason: R }
}

/**
 * Whether a call was refused, and for one of the reasons given; without any, for whatever reason.
 * @example if (isRefused(error, 'SLOT_TAKEN', 'HOLD_EXPIRED')) chooseAnotherTime()
 */
export function isRefused<R extends Reason = Reason>(error: unknown, ...reasons: R[]): error is Refused<R> {
  const reason = reasonOf(error)
  return reason !== undefined && (reasons.length === 0 || reasons.some((wanted) => wanted === reason))
}

/** Why a call was refused; undefined for anything that no server of ours has said, such as a network that is down. */
export function reasonOf(error: unknown): Reason | undefined {
  if (!(error instanceof TRPCClientError)) return undefined
  const { data }: { data?: Partial<RefusalData> | null } = error
  return data?.reason
}
