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
const byBooking = z.strictObject({ bookingId: Id })

export const paymentsRouter = router({
  createIntent: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/payments/create-payment-intent',
        tags,
        summary: 'Create a payment intent',
        description:
          "Returns the Stripe intent for the amount due: the price or deposit of the caller's hold, or the balance of a booking. Calling it again returns the same intent while the amount is the same. The first call extends the hold, by 10 minutes by default.",
      },
    })
    .input(
      z.strictObject({
        bookingId: Id,
        redeemPoints: whole(0, 10_000_000)
          .meta({
            description:
              'Total number of points that pay for part of a hold; 0 takes them back. No more than needed are taken, and an amount left is at least the minimum for a card.',
          })
          .optional(),
      }),
    )
    .output(IntentSchema)
    .mutation(({ ctx, input }) => createIntent(ctx, input)),

  confirm: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/payments/confirm',
        tags,
        summary: 'Confirm a payment',
        description:
          'Fetches the state of the payment from Stripe, and returns it with the booking. Refused with `PAYMENT_REQUIRED` while unpaid, and `PAYMENT_FAILED` if the card was declined.',
      },
    })
    .input(byBooking)
    .output(z.object({ booking: BookingSchema, payment: PaymentSchema }))
    .mutation(({ ctx, input }) => payments.confirmPayment(ctx, input)),

  refund: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/payments/refund',
        tags,
        summary: 'Refund a booking',
        description:
          'An admin refunds `amountMinor`, or all that is left, and the booking remains. Any other caller cancels the booking with the refund that cancelling gives, and cannot name an amount.',
      },
    })
    .input(
      z.strictObject({
        bookingId: Id,
        amountMinor: whole(1, 2_147_483_647)
          .meta({ description: 'In minor units. Admins only. Default: all that is left.' })
          .optional(),
        reason: Line(500).optional(),
      }),
    )
    .output(z.object({ booking: BookingSchema, refunds: z.array(RefundSchema) }))
    .mutation(({ ctx, input }) => payments.refundBooking(ctx, input)),

  list: signedInProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/payments',
        tags,
        summary: 'List payments',
        description: "Returns the caller's payments, or all payments for an admin, newest first.",
      },
    })
    .input(
      z.strictObject({
        bookingId: Id.meta({ description: 'Only payments of this booking.' }).optional(),
        as: z
          .literal('customer')
          .meta({ description: "Only the caller's own payments, also for an admin." })
          .optional(),
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
        summary: 'List refunds',
        description: 'Returns all refunds, newest first, with their state at Stripe. Admins only.',
      },
    })
    .input(
      z.strictObject({
        status: RefundSchema.shape.status.meta({ description: 'Only refunds with this status.' }).optional(),
        ...page,
      }),
    )
    .output(listOf(ListedRefundSchema))
    .query(({ ctx, input }) => payments.listRefunds(ctx, input)),

  events: adminProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/payments/events',
        tags,
        summary: 'List Stripe events',
        description:
          'Returns the events received from Stripe, newest first, with their processing state. Admins only.',
      },
    })
    .input(
      z.strictObject({
        state: StripeEventStateSchema.meta({ description: 'Only events in this state.' }).optional(),
        ...page,
        cursor: StripeEventId.meta({ description: '`nextCursor` of the previous page.' }).optional(),
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
        summary: 'Retry a Stripe event',
        description:
          'Processes a Stripe event again at once. Refused with `INVALID_STATE` if it is done. Admins only.',
      },
    })
    .input(z.strictObject({ id: StripeEventId }))
    .output(StripeEventSchema)
    .mutation(({ ctx, input }) => events.retryEvent(ctx, input)),
})
