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
        summary: 'The day of a space',
      },
    })
    .input(z.strictObject({ spaceId: Id, date: LocalDate, without: Without }))
    .output(BoardSchema)
    .query(({ ctx, input }) => getBoard(ctx, input)),

  hold: claimingProcedure
    .meta({ openapi: { method: 'POST', path: '/slots/{slotId}/hold', tags, summary: 'Hold a slot' } })
    .input(slot)
    .output(BookingSchema)
    .mutation(({ ctx, input }) => holdTime(ctx, parseSlotId(input.slotId))),

  book: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/slots/{slotId}/book',
        tags,
        summary: 'Book the slot that one holds',
      },
    })
    .input(slot)
    .output(BookingSchema)
    .mutation(({ ctx, input }) => bookSlot(ctx, parseSlotId(input.slotId))),

  release: claimingProcedure
    .meta({
      openapi: { method: 'POST', path: '/slots/{slotId}/release', tags, summary: 'Give a held slot back' },
    })
    .input(slot)
    .output(BookingSchema)
    .mutation(({ ctx, input }) => releaseSlot(ctx, parseSlotId(input.slotId))),
})
