import { z } from 'zod'
import { Currency, Id, Instant, Line, listOf, Ok, Prose, page, StartCursor, whole } from '../schemas/common'
import { AttendeeCursor, AttendeeSchema, EventSchema, VisibilitySchema } from '../schemas/events'
import { CancellationInput } from '../schemas/spaces'
import { attendEvent, leaveEvent, listAttendees } from '../services/events/attendance'
import * as events from '../services/events/events'
import { publicProcedure, router, signedInProcedure } from '../trpc'

const tags = ['Community']
const one = z.strictObject({ id: Id })
const details = {
  title: Line(200),
  text: Prose(2000).optional(),
  startsAt: Instant,
  endsAt: Instant,
  spaceId: Id.nullable().optional(),
  capacity: whole(1, 100_000).nullable().optional(),
  priceMinor: whole(0, 10_000_000).optional(),
  currency: Currency.optional(),
  cancellation: CancellationInput.optional(),
  visibility: VisibilitySchema.optional(),
}

export const eventsRouter = router({
  list: publicProcedure
    .meta({ openapi: { method: 'GET', path: '/events', tags, protect: false, summary: 'What is on' } })
    .input(
      z.strictObject({
        locationId: Id.optional(),
        from: Instant.optional(),
        to: Instant.optional(),
        ...page,
        cursor: StartCursor.optional(),
      }),
    )
    .output(listOf(EventSchema))
    .query(({ ctx, input }) => events.listEvents(ctx, input)),

  byId: publicProcedure
    .meta({ openapi: { method: 'GET', path: '/events/{id}', tags, protect: false, summary: 'One event' } })
    .input(one)
    .output(EventSchema)
    .query(({ ctx, input }) => events.getEvent(ctx, input)),

  create: signedInProcedure
    .meta({ openapi: { method: 'POST', path: '/events', tags, summary: 'Announce an event' } })
    .input(z.strictObject({ locationId: Id, ...details }))
    .output(EventSchema)
    .mutation(({ ctx, input }) => events.createEvent(ctx, input)),

  update: signedInProcedure
    .meta({ openapi: { method: 'PATCH', path: '/events/{id}', tags, summary: 'Change an event' } })
    .input(z.strictObject({ id: Id, ...z.object(details).partial().shape }))
    .output(EventSchema)
    .mutation(({ ctx, input }) => events.updateEvent(ctx, input)),

  remove: signedInProcedure
    .meta({ openapi: { method: 'DELETE', path: '/events/{id}', tags, summary: 'Cancel an event' } })
    .input(one)
    .output(Ok)
    .mutation(({ ctx, input }) => events.removeEvent(ctx, input)),

  attendees: signedInProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/events/{id}/attendees',
        tags,
        summary: 'Who comes to an event, and who waits',
        description: 'For who made it, and for admins; in the order in which they came.',
      },
    })
    .input(z.strictObject({ id: Id, ...page, cursor: AttendeeCursor.optional() }))
    .output(listOf(AttendeeSchema))
    .query(({ ctx, input }) => listAttendees(ctx, input)),

  attend: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/events/{id}/attend',
        tags,
        summary: 'Attend, or wait for a place',
        description:
          'Where it is full one waits for a place, unless `wait` is false. A place that has a price is held: pay for its `bookingId` as for any booking.',
      },
    })
    .input(z.strictObject({ id: Id, wait: z.boolean().optional() }))
    .output(EventSchema)
    .mutation(({ ctx, input }) => attendEvent(ctx, input)),

  leave: signedInProcedure
    .meta({ openapi: { method: 'DELETE', path: '/events/{id}/attend', tags, summary: 'Attend no longer' } })
    .input(one)
    .output(EventSchema)
    .mutation(({ ctx, input }) => leaveEvent(ctx, input)),
})
