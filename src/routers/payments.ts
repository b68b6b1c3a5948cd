import { z } from 'zod'
import { BookingSchema } from '../schemas/bookings'
import { Id, Line, listOf, page, whole } from '../schemas/common'
import {
  IntentSchema,
  ListedPaymentSchema,
  ListedRefundSchema,
  PaymentSchema,
  RefundSchema,
  StripeEventId,
  StripeEventSchema,
  StripeEventStateSchema,
} from '../schemas/payments'
import { createIntent } from '../services/payments/begin-payment'
import * as payments from '../services/payments/payments'
import * as events from '../services/payments/stripe-events'
import { adminProcedure, router, signedInProcedure } from '../trpc'

const tags = ['Payments']
const ofBooking = z.strictObject({ bookingId: Id })

export const paymentsRouter = router({
  createIntent: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/payments/create-payment-intent',
        tags,
        summary: 'Begin to pay for what one holds, or still owes',
        description:
          '`redeemPoints` is how many points pay for a part of what one holds, in all: asked again it changes nothing, and 0 ' +
          'takes them back. No more are taken than are needed, and where something is left, enough for a card to be charged.',
      },
    })
    .input(z.strictObject({ bookingId: Id, redeemPoints: whole(0, 10_000_000).optional() }))
    .output(IntentSchema)
    .mutation(({ ctx, input }) => createIntent(ctx, input)),

  confirm: signedInProcedure
    .meta({
      openapi: { method: 'POST', path: '/payments/confirm', tags, summary: 'Ask Stripe whether it is paid' },
    })
    .input(ofBooking)
    .output(z.object({ booking: BookingSchema, payment: PaymentSchema }))
    .mutation(({ ctx, input }) => payments.confirmPayment(ctx, input)),

  refund: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/payments/refund',
        tags,
        summary: 'Give money back; for an owner, cancel',
      },
    })
    .input(
      z.strictObject({
        bookingId: Id,
        amountMinor: whole(1, 2_147_483_647).optional(),
        reason: Line(500).optional(),
      }),
    )
    .output(z.object({ booking: BookingSchema, refunds: z.array(RefundSchema) }))
    .mutation(({ ctx, input }) => payments.refundBooking(ctx, input)),

  list: signedInProcedure
    .meta({
      openapi: { method: 'GET', path: '/payments', tags, summary: "One's payments; for an admin, all" },
    })
    .input(
      z.strictObject({
        bookingId: Id.optional(),
        as: z.literal('customer').optional().meta({ description: "An admin's own payments only." }),
        ...page,
      }),
    )
    .output(listOf(ListedPaymentSchema))
    .query(({ ctx, input }) => payments.listPayments(ctx, input)),

  refunds: adminProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/payments/refunds',
        tags,
        summary: 'Money that went back, or did not',
      },
    })
    .input(z.strictObject({ status: RefundSchema.shape.status.optional(), ...page }))
    .output(listOf(ListedRefundSchema))
    .query(({ ctx, input }) => payments.listRefunds(ctx, input)),

  events: adminProcedure
    .meta({ openapi: { method: 'GET', path: '/payments/events', tags, summary: 'What Stripe has told us' } })
    .input(
      z.strictObject({
        state: StripeEventStateSchema.optional(),
        ...page,
        cursor: StripeEventId.optional(),
      }),
    )
    .output(listOf(StripeEventSchema))
    .query(({ ctx, input }) => events.listEvents(ctx, input)),

  retryEvent: adminProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/payments/events/{id}/retry',
        tags,
        summary: 'Work on an event again',
      },
    })
    .input(z.strictObject({ id: StripeEventId }))
    .output(StripeEventSchema)
    .mutation(({ ctx, input }) => events.retryEvent(ctx, input)),
})
