import { z } from 'zod'
import { BookingSchema } from '../schemas/bookings'
import { Id, LocalDate, parseSlotId, SlotId } from '../schemas/common'
import { BoardSchema, Without } from '../schemas/slots'
import { bookSlot, releaseSlot } from '../services/bookings/bookings'
import { holdTime } from '../services/bookings/hold'
import { getBoard } from '../services/calendar/boards'
import { claimingProcedure, publicProcedure, router, signedInProcedure } from '../trpc'

const tags = ['Slots']
const slot = z.strictObject({ slotId: SlotId })

export const slotsRouter = router({
  day: publicProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/slots/{spaceId}/{date}',
        tags,
        protect: false,
        summary: 'Get a day of a space',
        description:
          'Returns the board of a space: the slots of one local date with their state and price, and the version of the calendar.',
      },
    })
    .input(z.strictObject({ spaceId: Id, date: LocalDate, without: Without }))
    .output(BoardSchema)
    .query(({ ctx, input }) => getBoard(ctx, input)),

  hold: claimingProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/slots/{slotId}/hold',
        tags,
        summary: 'Hold a slot',
        description:
          'Holds one slot of a space or a service for the caller, for 15 minutes by default. Refused with `SLOT_TAKEN` if it is taken, and `TOO_MANY_HOLDS` over the limit of active holds.',
      },
    })
    .input(slot)
    .output(BookingSchema)
    .mutation(({ ctx, input }) => holdTime(ctx, parseSlotId(input.slotId))),

  book: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/slots/{slotId}/book',
        tags,
        summary: 'Book a held slot',
        description:
          "Confirms the caller's hold on a slot if no payment is due. Refused with `PAYMENT_REQUIRED` or `HOLD_EXPIRED`.",
      },
    })
    .input(slot)
    .output(BookingSchema)
    .mutation(({ ctx, input }) => bookSlot(ctx, parseSlotId(input.slotId))),

  release: claimingProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/slots/{slotId}/release',
        tags,
        summary: 'Release a held slot',
        description: "Releases the caller's hold on a slot. Any money received for it is refunded.",
      },
    })
    .input(slot)
    .output(BookingSchema)
    .mutation(({ ctx, input }) => releaseSlot(ctx, parseSlotId(input.slotId))),
})
