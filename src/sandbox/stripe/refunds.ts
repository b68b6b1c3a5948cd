import { metadata, number, text } from './form'
import { type Call, cardBehind, find } from './intents'
import { newRefund } from './objects'
import { invalid } from './refusals'
import type { Session, Thing } from './store'

/** The delay after which the refund of a special test card succeeds or fails. */
export const REFUND_SETTLES_AFTER_MS = 50

export async function createRefund({ session, params, emit }: Call): Promise<Thing> {
  const intentId = text(params.payment_intent)
  const chargeId =
    text(params.charge) ?? (intentId && (await find(session, 'payment_intent', intentId)).latest_charge)
  if (typeof chargeId !== 'string')
    throw invalid(
      'This PaymentIntent does not have a successful charge to refund.',
      'payment_intent_unexpected_state',
    )
  const charge = await find(session, 'charge', chargeId)
  if (charge.status !== 'succeeded') throw invalid('This charge has not been paid.', 'charge_not_refundable')
  const left = Number(charge.amount_captured) - Number(charge.amount_refunded)
  const amount = number(params.amount) ?? left
  if (left === 0) throw invalid(`Charge ${charge.id} has already been refunded.`, 'charge_already_refunded')
  if (amount < 1) throw invalid('Invalid positive integer', 'parameter_invalid_integer', 'amount')
  if (amount > left)
    throw invalid(
      `Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`,
      undefined,
      'amount',
    )

  const { refund: fate } = cardBehind(await find(session, 'payment_method', String(charge.payment_method)))
  const refund: Thing = {
    ...newRefund(charge, amount, metadata(params.metadata), text(params.reason) ?? null),
    ...(fate === 'pends' && { status: 'pending' }),
  }
  await session.put(refund)
  const changed = await changeRefunded(session, charge, amount)
  await emit('refund.created', refund)
  await emit('charge.refunded', changed)
  return refund
}

/** Adds to the refunded amount of a charge; negative for a failed refund. */
async function changeRefunded(session: Session, charge: Thing, by: number): Promise<Thing> {
  const amount_refunded = Number(charge.amount_refunded) + by
  const changed = { ...charge, amount_refunded, refunded: amount_refunded === charge.amount_captured }
  await session.put(changed)
  return changed
}

/** Ends the delay of a refund of a special test card. */
export async function settleRefund(
  { session, emit }: Pick<Call, 'session' | 'emit'>,
  refund: Thing,
): Promise<void> {
  const charge = await find(session, 'charge', String(refund.charge))
  const { refund: fate } = cardBehind(await find(session, 'payment_method', String(charge.payment_method)))
  if (fate === 'pends' && refund.status === 'pending') {
    const settled = { ...refund, status: 'succeeded' }
    await session.put(settled)
    await emit('refund.updated', settled)
  } else if (fate === 'fails' && refund.status === 'succeeded') {
    const failed = {
      ...refund,
      status: 'failed',
      failure_reason: 'expired_or_canceled_card',
      failure_balance_transaction: null,
    }
    await session.put(failed)
    await changeRefunded(session, charge, -Number(refund.amount))
    await emit('refund.failed', failed)
  }
}
