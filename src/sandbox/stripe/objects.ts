import { randomBytes } from 'node:crypto'
import type { Card } from './cards'
import type { Thing } from './store'

// Objects with all fields of Stripe's published fixtures.

export const now = () => Math.floor(Date.now() / 1000)
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
export const newId = (prefix: string) =>
  `${prefix}_${[...randomBytes(24)].map((byte) => LETTERS[byte % LETTERS.length]).join('')}`

export function newPaymentMethod(card: Card, customer: string | null): Thing {
  return {
    id: newId('pm'),
    object: 'payment_method',
    created: now(),
    allow_redisplay: 'unspecified',
    billing_details: noBillingDetails(),
    card: {
      ...describeCard(card),
      generated_from: null,
      networks: { available: [card.brand], preferred: null },
    },
    customer,
    customer_account: null,
    livemode: false,
    metadata: {},
    type: 'card',
  }
}

const noBillingDetails = () => ({
  address: { city: null, country: null, line1: null, line2: null, postal_code: null, state: null },
  email: null,
  name: null,
  phone: null,
  tax_id: null,
})

function describeCard({ number, brand }: Card) {
  return {
    brand,
    checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
    country: 'US',
    display_brand: brand,
    exp_month: 12,
    exp_year: new Date().getFullYear() + 3,
    fingerprint: `fp${Bun.hash(number).toString(36)}`,
    funding: 'credit',
    last4: number.slice(-4),
    three_d_secure_usage: { supported: true },
    wallet: null,
    regulated_status: 'unregulated',
  }
}

export function newIntent(given: {
  amount: number
  currency: string
  customer: string | null
  metadata: Record<string, string>
  setupFutureUsage: string | null
  captureMethod: string
  paymentMethod: string | null
  description: string | null
}): Thing {
  const id = newId('pi')
  return {
    id,
    object: 'payment_intent',
    created: now(),
    allowed_payment_method_types: ['card'],
    amount: given.amount,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: { allow_redirects: 'never', enabled: true },
    canceled_at: null,
    cancellation_reason: null,
    capture_method: given.captureMethod,
    client_secret: `${id}_secret_${newId('').slice(1)}`,
    confirmation_method: 'automatic',
    currency: given.currency,
    customer: given.customer,
    customer_account: null,
    description: given.description,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    managed_payments: { enabled: false },
    metadata: given.metadata,
    next_action: null,
    on_behalf_of: null,
    payment_method: given.paymentMethod,
    payment_method_configuration_details: null,
    payment_method_options: {
      card: { installments: null, mandate_options: null, network: null, request_three_d_secure: 'automatic' },
    },
    payment_method_types: ['card'],
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: given.setupFutureUsage,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: given.paymentMethod ? 'requires_confirmation' : 'requires_payment_method',
    transfer_data: null,
    transfer_group: null,
  }
}

export function newCharge(
  intent: Thing,
  method: Thing,
  card: Card,
  failure: { code: string; declineCode: string; message: string } | null,
): Thing {
  const captured = failure === null && intent.capture_method !== 'manual'
  const id = newId('ch')
  return {
    id,
    object: 'charge',
    created: now(),
    amount: intent.amount,
    amount_captured: captured ? intent.amount : 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: failure ? null : newId('txn'),
    billing_details: noBillingDetails(),
    calculated_statement_descriptor: 'COWORKSPACE',
    captured,
    currency: intent.currency,
    customer: intent.customer,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: failure?.code ?? null,
    failure_message: failure?.message ?? null,
    fraud_details: {},
    livemode: false,
    metadata: intent.metadata,
    on_behalf_of: null,
    outcome: {
      advice_code: null,
      network_advice_code: null,
      network_decline_code: null,
      network_status: failure ? 'declined_by_network' : 'approved_by_network',
      reason: failure?.declineCode ?? null,
      risk_level: 'normal',
      seller_message: failure ? 'The bank did not return any further details.' : 'Payment complete.',
      type: failure ? 'issuer_declined' : 'authorized',
    },
    paid: failure === null,
    payment_intent: intent.id,
    payment_method: method.id,
    payment_method_details: {
      card: {
        ...describeCard(card),
        installments: null,
        mandate: null,
        network: card.brand,
        three_d_secure: null,
      },
      type: 'card',
    },
    receipt_email: null,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: failure ? 'failed' : 'succeeded',
    transfer_data: null,
    transfer_group: null,
  }
}

export const newRefund = (
  charge: Thing,
  amount: number,
  metadata: Record<string, string>,
  reason: string | null,
): Thing => ({
  id: newId('re'),
  object: 'refund',
  created: now(),
  amount,
  balance_transaction: newId('txn'),
  charge: charge.id,
  currency: charge.currency,
  customer: null,
  customer_account: null,
  destination_details: {
    card: { reference_status: 'pending', reference_type: 'acquirer_reference_number', type: 'refund' },
    type: 'card',
  },
  metadata,
  payment_intent: charge.payment_intent,
  payment_method: null,
  reason,
  receipt_number: null,
  source_transfer_reversal: null,
  status: 'succeeded',
  transfer_reversal: null,
})

export const newCustomer = (given: {
  email: string | null
  name: string | null
  metadata: Record<string, string>
}): Thing => ({
  id: newId('cus'),
  object: 'customer',
  created: now(),
  address: null,
  balance: 0,
  currency: null,
  default_source: null,
  delinquent: false,
  description: null,
  discount: null,
  email: given.email,
  invoice_prefix: newId('').slice(1, 9).toUpperCase(),
  invoice_settings: {
    custom_fields: null,
    default_payment_method: null,
    footer: null,
    rendering_options: null,
  },
  livemode: false,
  metadata: given.metadata,
  name: given.name,
  next_invoice_sequence: 1,
  phone: null,
  preferred_locales: [],
  shipping: null,
  tax_exempt: 'none',
  test_clock: null,
})

export const newDispute = (charge: Thing): Thing => ({
  id: newId('dp'),
  object: 'dispute',
  created: now(),
  amount: charge.amount,
  balance_transactions: [],
  charge: charge.id,
  currency: charge.currency,
  enhanced_eligibility_types: [],
  evidence: {},
  evidence_details: {
    due_by: now() + 604_800,
    enhanced_eligibility: {},
    has_evidence: false,
    past_due: false,
    submission_count: 0,
  },
  is_charge_refundable: true,
  livemode: false,
  metadata: {},
  payment_intent: charge.payment_intent,
  payment_method_details: {
    card: { brand: 'visa', case_type: 'chargeback', network_reason_code: '10.4' },
    type: 'card',
  },
  reason: 'fraudulent',
  status: 'needs_response',
})

export const newEvent = (type: string, object: Thing, apiVersion: string | null): Thing => ({
  id: newId('evt'),
  object: 'event',
  created: now(),
  api_version: apiVersion,
  data: { object },
  livemode: false,
  pending_webhooks: 1,
  request: { id: newId('req'), idempotency_key: null },
  type,
})
