import { z } from 'zod'
import {
  PAYMENT_KINDS,
  PAYMENT_STATUSES,
  type PaymentRow,
  REFUND_STATUSES,
  type RefundRow,
  STRIPE_EVENT_STATES,
} from '../db/schema/payments'
import { iso } from '../lib/time'
import { Currency, Id, InstantOut } from './common'

export const PaymentSchema = z
  .object({
    id: Id,
    bookingId: Id,
    kind: z.enum(PAYMENT_KINDS),
    status: z.enum(PAYMENT_STATUSES).meta({
      description: '`failed`: the last attempt was declined; the same intent can still be paid.',
    }),
    amountMinor: z.int(),
    refundedMinor: z.int().meta({ description: 'Refunded or being refunded.' }),
    currency: Currency,
    createdAt: InstantOut,
  })
  .meta({ id: 'Payment' })
export type Payment = z.infer<typeof PaymentSchema>

export const paymentView = (row: PaymentRow & { refundedMinor: number }): Payment => ({
  id: row.id,
  bookingId: row.bookingId,
  kind: row.kind,
  status: row.status,
  amountMinor: row.amountMinor,
  refundedMinor: row.refundedMinor,
  currency: row.currency,
  createdAt: iso(row.createdAt),
})

export const ListedPaymentSchema = PaymentSchema.extend({ customerName: z.string() }).meta({
  id: 'ListedPayment',
})

export const IntentSchema = z
  .object({
    paymentId: z.union([Id, z.literal('')]),
    clientSecret: z.string().meta({ description: 'Secret for Stripe Elements.' }),
    publishableKey: z.string(),
    amountMinor: z.int().meta({
      description:
        'Amount due. 0 if points pay for everything: the booking is then confirmed or pending, and `paymentId` and ' +
        '`clientSecret` are empty.',
    }),
    currency: Currency,
    redeemedPoints: z.int().meta({ description: 'Points that pay for part of the price.' }),
    pointsMinor: z.int().meta({ description: 'Part of the price that points pay for.' }),
  })
  .meta({ id: 'Intent' })
export type Intent = z.infer<typeof IntentSchema>

export const RefundSchema = z
  .object({
    id: Id,
    paymentId: Id,
    amountMinor: z.int(),
    status: z.enum(REFUND_STATUSES),
    reason: z.string().nullable(),
  })
  .meta({ id: 'Refund' })
export type Refund = z.infer<typeof RefundSchema>

export const refundView = (row: RefundRow): Refund => ({
  id: row.id,
  paymentId: row.paymentId,
  amountMinor: row.amountMinor,
  status: row.status,
  reason: row.reason,
})

export const ListedRefundSchema = RefundSchema.extend({
  bookingId: Id,
  customerName: z.string(),
  currency: Currency,
  failureCode: z
    .string()
    .nullable()
    .meta({ description: "Stripe's failure code. The money of a failed refund has not left our account." }),
  createdAt: InstantOut,
}).meta({ id: 'ListedRefund' })
export type ListedRefund = z.infer<typeof ListedRefundSchema>

export const listedRefundView = (
  row: RefundRow & Pick<PaymentRow, 'bookingId' | 'currency'> & { customerName: string },
): ListedRefund => ({
  ...refundView(row),
  bookingId: row.bookingId,
  customerName: row.customerName,
  currency: row.currency,
  failureCode: row.failureCode,
  createdAt: iso(row.createdAt),
})

export const StripeEventId = z
  .string()
  .regex(/^evt_\w{1,100}$/, 'must be a Stripe event id')
  .meta({ example: 'evt_1Pgc76B7WZ01zgkWwyRHS12y' })
export const StripeEventStateSchema = z.enum(STRIPE_EVENT_STATES)
export const StripeEventSchema = z
  .object({
    id: z.string(),
    type: z.string(),
    state: StripeEventStateSchema.meta({
      description: '`failed` is retried automatically; `ignored` does not concern this server.',
    }),
    intentId: z.string().nullable(),
    attempts: z.int(),
    error: z.string().nullable(),
    receivedAt: InstantOut,
    processedAt: InstantOut.nullable(),
  })
  .meta({ id: 'StripeEvent' })
export type StripeEvent = z.infer<typeof StripeEventSchema>
