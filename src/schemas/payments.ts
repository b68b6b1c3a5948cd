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
      description: '`failed`: the last attempt was declined, and the same intent may still be paid.',
    }),
    amountMinor: z.int(),
    refundedMinor: z.int().meta({ description: 'Given back, or on its way.' }),
    currency: Currency,
    createdAt: InstantOut,
  })
  .meta({ id: 'Payment' })
export type Payment = z.infer<typeof PaymentSchema>

/** A payment as its owner sees it. */
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

/** A payment in a list, with who pays. */
export const ListedPaymentSchema = PaymentSchema.extend({ customerName: z.string() }).meta({
  id: 'ListedPayment',
})

export const IntentSchema = z
  .object({
    paymentId: z.union([Id, z.literal('')]),
    clientSecret: z.string().meta({ description: "What Stripe's own elements pay with." }),
    publishableKey: z.string(),
    amountMinor: z.int().meta({
      description:
        'What is left to pay. 0 where points have paid all of it: then there is no intent, `paymentId` and ' +
        '`clientSecret` are empty, and the booking stands already.',
    }),
    currency: Currency,
    redeemedPoints: z.int().meta({ description: 'How many points pay for a part of it.' }),
    pointsMinor: z.int().meta({ description: 'The part that they pay for.' }),
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
    .meta({ description: "Stripe's code for why it failed: the money is still ours to give back." }),
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
  .regex(/^evt_\w{1,100}$/, "must be the id of an event of Stripe's")
  .meta({ example: 'evt_1Pgc76B7WZ01zgkWwyRHS12y' })
export const StripeEventStateSchema = z.enum(STRIPE_EVENT_STATES)
export const StripeEventSchema = z
  .object({
    id: z.string(),
    type: z.string(),
    state: StripeEventStateSchema.meta({
      description: '`failed` is tried again by itself; `ignored` was not about anything of ours.',
    }),
    intentId: z.string().nullable(),
    attempts: z.int(),
    error: z.string().nullable(),
    receivedAt: InstantOut,
    processedAt: InstantOut.nullable(),
  })
  .meta({ id: 'StripeEvent' })
export type StripeEvent = z.infer<typeof StripeEventSchema>
