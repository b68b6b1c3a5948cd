import { type Card, cardOf, TEST_CARDS } from './cards'
import { group, metadata, number, type Params, text } from './form'
import { newCharge, newId, newIntent, newPaymentMethod, now } from './objects'
import { declined, invalid, missing, refuse } from './refusals'
import type { Session, Thing } from './store'

export type Call = {
  session: Session
  params: Params
  emit(type: string, object: Thing): Promise<void>
  secret: boolean
}

const MINIMUM_CENTS = 50

export async function createIntent(call: Call): Promise<Thing> {
  const { session, params, emit } = call
  const amount = number(params.amount)
  const currency = text(params.currency)?.toLowerCase()
  if (amount === undefined) throw invalid('Missing required param: amount.', 'parameter_missing', 'amount')
  if (!currency) throw invalid('Missing required param: currency.', 'parameter_missing', 'currency')
  if (amount < 1)
    throw invalid('This value must be greater than or equal to 1.', 'parameter_invalid_integer', 'amount')
  if (amount > 99_999_999)
    throw invalid('Amount must be no more than 99999999.', 'amount_too_large', 'amount')
  if (amount < MINIMUM_CENTS && (currency === 'eur' || currency === 'usd'))
    throw invalid('Amount must be at least 50 cents.', 'amount_too_small', 'amount')
  const customer = text(params.customer) ?? null
  if (customer) await find(session, 'customer', customer)
  const method = text(params.payment_method)
  const intent = newIntent({
    amount,
    currency,
    customer,
    metadata: metadata(params.metadata),
    setupFutureUsage: text(params.setup_future_usage) ?? null,
    captureMethod: text(params.capture_method) ?? 'automatic_async',
    paymentMethod: method ? (await usedMethod(call, { payment_method: method })).id : null,
    description: text(params.description) ?? null,
  })
  await session.put(intent)
  await emit('payment_intent.created', intent)
  return params.confirm === 'true' ? confirmIntent(call, intent) : intent
}

export async function updateIntent({ session, params }: Call, intent: Thing): Promise<Thing> {
  if (!String(intent.status).startsWith('requires_')) throw unexpectedState(intent, 'updated')
  const amount = number(params.amount)
  const changed = {
    ...intent,
    ...(amount !== undefined && { amount }),
    metadata: { ...(intent.metadata as object), ...metadata(params.metadata) },
  }
  await session.put(changed)
  return changed
}

export async function confirmIntent(call: Call, intent: Thing): Promise<Thing> {
  const { session, params, emit } = call
  if (
    !['requires_payment_method', 'requires_confirmation', 'requires_action'].includes(String(intent.status))
  )
    throw unexpectedState(intent, 'confirmed')
  const method = await usedMethod(call, intent)
  const card = cardBehind(method)
  const offSession = params.off_session === 'true'
  const confirmed = { ...intent, payment_method: method.id, last_payment_error: null, next_action: null }

  if (needsAuthentication(card, { offSession, saved: method.customer !== null }) && !intent.authenticated) {
    if (offSession) return decline(call, confirmed, method, card, AUTHENTICATION)
    const waiting: Thing = {
      ...confirmed,
      status: 'requires_action',
      next_action: nextAction(params, intent),
    }
    await session.put(waiting)
    await emit('payment_intent.requires_action', waiting)
    return waiting
  }
  const failure = failureOf(card, method)
  if (failure) return decline(call, confirmed, method, card, failure)

  const charge = newCharge(confirmed, method, card, null)
  await session.put(charge)
  const manual = intent.capture_method === 'manual'
  const paid: Thing = {
    ...confirmed,
    status: manual ? 'requires_capture' : 'succeeded',
    latest_charge: charge.id,
    amount_received: manual ? 0 : intent.amount,
    amount_capturable: manual ? intent.amount : 0,
  }
  await session.put(paid)
  if (intent.customer && intent.setup_future_usage)
    await session.put({ ...method, customer: intent.customer })
  await emit('charge.succeeded', charge)
  await emit(manual ? 'payment_intent.amount_capturable_updated' : 'payment_intent.succeeded', paid)
  return paid
}

/** Simulates the result of 3-D Secure for an intent that requires it. */
export async function authenticate(call: Call, intent: Thing): Promise<Thing> {
  if (intent.status !== 'requires_action') throw unexpectedState(intent, 'authenticated')
  if (call.params.outcome === 'refused') {
    const failed = {
      ...intent,
      status: 'requires_payment_method',
      next_action: null,
      payment_method: null,
      last_payment_error: AUTHENTICATION_FAILED,
    }
    await call.session.put(failed)
    await call.emit('payment_intent.payment_failed', failed)
    return failed
  }
  const { authenticated: _, ...paid } = await confirmIntent(
    { ...call, params: {} },
    { ...intent, authenticated: true },
  )
  await call.session.put(paid as Thing)
  return paid as Thing
}

export async function captureIntent({ session, params, emit }: Call, intent: Thing): Promise<Thing> {
  if (intent.status !== 'requires_capture') throw unexpectedState(intent, 'captured')
  const amount = Math.min(number(params.amount_to_capture) ?? Number(intent.amount), Number(intent.amount))
  const charge = await find(session, 'charge', String(intent.latest_charge))
  await session.put({ ...charge, captured: true, amount_captured: amount })
  const captured = { ...intent, status: 'succeeded', amount_received: amount, amount_capturable: 0 }
  await session.put(captured)
  await emit('charge.captured', { ...charge, captured: true, amount_captured: amount })
  await emit('payment_intent.succeeded', captured)
  return captured
}

export async function cancelIntent({ session, params, emit }: Call, intent: Thing): Promise<Thing> {
  if (!String(intent.status).startsWith('requires_')) throw unexpectedState(intent, 'canceled')
  const cancelled = {
    ...intent,
    status: 'canceled',
    canceled_at: now(),
    cancellation_reason: text(params.cancellation_reason) ?? null,
    next_action: null,
  }
  await session.put(cancelled)
  await emit('payment_intent.canceled', cancelled)
  return cancelled
}

async function decline(
  call: Call,
  intent: Thing,
  method: Thing,
  card: Card,
  failure: Failure,
): Promise<never> {
  const { session, emit } = call
  const charge = newCharge(intent, method, card, failure)
  await session.put(charge)
  const error = {
    type: 'card_error',
    code: failure.code,
    decline_code: failure.declineCode,
    message: failure.message,
    charge: charge.id,
    payment_method: method,
  }
  const failed = {
    ...intent,
    status: 'requires_payment_method',
    payment_method: null,
    latest_charge: charge.id,
    last_payment_error: error,
  }
  await session.put(failed)
  await emit('charge.failed', charge)
  await emit('payment_intent.payment_failed', failed)
  throw declined(failure.code, failure.declineCode, failure.message, {
    charge: charge.id,
    payment_intent: failed,
  })
}

type Failure = { code: string; declineCode: string; message: string }
const DECLINED: Failure = {
  code: 'card_declined',
  declineCode: 'generic_decline',
  message: 'Your card was declined.',
}
const NO_FUNDS: Failure = {
  code: 'card_declined',
  declineCode: 'insufficient_funds',
  message: 'Your card has insufficient funds.',
}
const AUTHENTICATION: Failure = {
  code: 'authentication_required',
  declineCode: 'authentication_required',
  message: 'Your card was declined. This transaction requires authentication.',
}
const AUTHENTICATION_FAILED = {
  type: 'invalid_request_error',
  code: 'payment_intent_authentication_failure',
  message: 'The provided PaymentMethod has failed authentication.',
}

function failureOf({ charge }: Card, method: Thing): Failure | null {
  if (charge === 'declined') return DECLINED
  if (charge === 'insufficient_funds') return NO_FUNDS
  return charge === 'declined_when_saved' && method.customer !== null ? DECLINED : null
}

/** Some cards require authentication each time, others only until they are saved. */
function needsAuthentication({ charge }: Card, { saved }: { offSession: boolean; saved: boolean }): boolean {
  return charge === 'authenticate_each_time' || (charge === 'authenticate' && !saved)
}

const nextAction = (params: Params, intent: Thing) =>
  text(params.return_url)
    ? {
        type: 'redirect_to_url',
        redirect_to_url: {
          return_url: text(params.return_url),
          url: `https://hooks.stripe.com/redirect/authenticate/${intent.id}`,
        },
      }
    : { type: 'use_stripe_sdk', use_stripe_sdk: { type: 'three_d_secure_redirect', stripe_js: '' } }

/** The payment method of the request or else of the intent. A test card's name creates a new method, as at Stripe. */
async function usedMethod({ session, params }: Call, intent: Record<string, unknown>): Promise<Thing> {
  const data = group(group(params.payment_method_data).card)
  const name = text(data.number)?.replaceAll(' ', '') ?? text(data.token)?.replace(/^tok_/, 'pm_card_')
  const given = name ?? text(params.payment_method) ?? (intent.payment_method as string | null)
  if (!given)
    throw invalid(
      "You cannot confirm this PaymentIntent because it's missing a payment method.",
      'payment_intent_unexpected_state',
    )
  const test = cardOf(given)
  if (!test) return find(session, 'payment_method', given)
  const method = newPaymentMethod(test, null)
  await session.put(method)
  return method
}

/** Finds the test card by its last four digits, the only ones that are stored. */
export function cardBehind(method: Thing): Card {
  const last4 = (method.card as { last4?: string } | undefined)?.last4
  const card = Object.values(TEST_CARDS).find(({ number: digits }) => digits.slice(-4) === last4)
  if (!card) throw invalid('Only test cards can be used here.')
  return card
}

export async function find(session: Session, object: string, id: string): Promise<Thing> {
  const thing = await session.get(id)
  if (thing?.object !== object) throw missing(object, id)
  return thing
}

const unexpectedState = (intent: Thing, done: string) =>
  refuse(400, {
    type: 'invalid_request_error',
    code: 'payment_intent_unexpected_state',
    message: `This PaymentIntent could not be ${done} because it has a status of ${intent.status}.`,
    payment_intent: intent,
    request_log_url: `https://dashboard.stripe.com/test/logs/${newId('req')}`,
  })
