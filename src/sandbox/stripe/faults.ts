import type { CallFate } from './api'

/** Simulated faults, as shares of calls and deliveries from 0 to 1. */
export type Faults = {
  /** The call fails without effect. */
  failBefore: number
  /** The call takes effect, but it responds with 500, also to retries with the same idempotency key. */
  failAfter: number
  /** The call takes effect, but its response is lost. */
  loseAnswer: number
  dropWebhook: number
  duplicateWebhook: number
  /** Maximum random delay of a delivery, so that deliveries arrive out of order. */
  delayWebhookMs: number
}

export const NO_FAULTS: Faults = {
  failBefore: 0,
  failAfter: 0,
  loseAnswer: 0,
  dropWebhook: 0,
  duplicateWebhook: 0,
  delayWebhookMs: 0,
}

export function fateOf({ failBefore, failAfter, loseAnswer }: Faults, random: () => number): CallFate {
  const at = random()
  if (at < failBefore) return 'fails_before'
  if (at < failBefore + failAfter) return 'fails_after'
  return at < failBefore + failAfter + loseAnswer ? 'answer_lost' : 'fine'
}
