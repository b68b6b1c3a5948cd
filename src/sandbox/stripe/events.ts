import type { Log } from '../../lib/logger'
import type { Faults } from './faults'
import { newEvent } from './objects'
import { REFUND_SETTLES_AFTER_MS, settleRefund } from './refunds'
import type { Session, Store, Thing } from './store'

type Options = {
  store: Store
  log: Log
  random: () => number
  faults: () => Faults
}

/** Stores events, queues their deliveries and settles new refunds after a delay. `stop` cancels pending settlements. */
export function createEvents({ store, log, random, faults }: Options) {
  const timers = new Set<Timer>()

  async function emit(session: Session, event: Thing): Promise<void> {
    await session.put(event)
    if (event.type === 'refund.created') scheduleSettlement((event.data as { object: Thing }).object)
    if (random() < faults().dropWebhook) return
    await session.deliver(event.id, random() * faults().delayWebhookMs)
    if (random() < faults().duplicateWebhook)
      await session.deliver(event.id, random() * (faults().delayWebhookMs + 200))
  }

  function scheduleSettlement(refund: Thing): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      settle(refund).catch((error) => log.debug({ error }, 'Stripe sandbox refund settlement failed'))
    }, REFUND_SETTLES_AFTER_MS)
    timers.add(timer)
  }

  const settle = (refund: Thing): Promise<void> =>
    store.session((session) =>
      settleRefund({ session, emit: (type, thing) => emit(session, newEvent(type, thing, null)) }, refund),
    )

  return {
    emit,
    stop() {
      for (const timer of timers) clearTimeout(timer)
    },
  }
}
