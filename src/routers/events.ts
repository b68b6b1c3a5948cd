import { z } from 'zod'
import { Currency, Id, Instant, Line, listOf, Ok, Prose, page, StartCursor, whole } from '../schemas/common'
import { AttendeeCursor, AttendeeSchema, EventSchema, VisibilitySchema } from '../schemas/events'
import { CancellationInput } from '../schemas/spaces'
import { attendEvent, leaveEvent, listAttendees } from '../services/events/attendance'
import * as events from '../services/events/events'
import { publicProcedure, router, signedInProcedure } from '../trpc'

const tags = ['Community']
const byId = z.strictObject({ id: Id })
const details = {
  title: Line(200),
  text: Prose(2000).optional(),
  startsAt: Instant,
  endsAt: Instant,
  spaceId: Id.nullable().meta({ description: 'Space that the event claims.' }).optional(),
  capacity: whole(1, 100_000)
    .nullable()
    .meta({ description: 'Number of seats; null for no limit.' })
    .optional(),
  priceMinor: whole(0, 10_000_000).meta({ description: 'Price of a seat, in minor units.' }).optional(),
  currency: Currency.optional(),
  cancellation: CancellationInput.optional(),
  visibility: VisibilitySchema.optional(),
}

export const eventsRouter = router({
  list: publicProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/events',
        tags,
        protect: false,
        summary: 'List events',
        description:
          'Returns public events, earliest start first. A signed-in caller also gets events for members.',
      },
    })
    .input(
      z.strictObject({
        locationId: Id.meta({ description: 'Only this location.' }).optional(),
        from: Instant.meta({
          description: 'Only events that end after this instant. Default: now.',
        }).optional(),
        to: Instant.meta({ description: 'Only events that start before this instant.' }).optional(),
        ...page,
        cursor: StartCursor.optional(),
      }),
    )
    .output(listOf(EventSchema))
    .query(({ ctx, input }) => events.listEvents(ctx, input)),

  byId: publicProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/events/{id}',
        tags,
        protect: false,
        summary: 'Get an event',
        description: 'Returns an event. An event for members is found only if the caller is signed in.',
      },
    })
    .input(byId)
    .output(EventSchema)
    .query(({ ctx, input }) => events.getEvent(ctx, input)),

  create: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/events',
        tags,
        summary: 'Create an event',
        description:
          'Creates an event of at most 14 days; the caller becomes its organiser and first attendee. With `spaceId`, it claims all units of the space. Refused with `TOO_MANY_EVENTS` over the limit of coming events.',
      },
    })
    .input(z.strictObject({ locationId: Id, ...details }))
    .output(EventSchema)
    .mutation(({ ctx, input }) => events.createEvent(ctx, input)),

  update: signedInProcedure
    .meta({
      openapi: {
        method: 'PATCH',
        path: '/events/{id}',
        tags,
        summary: 'Update an event',
        description:
          'Changes the fields that are sent and notifies attendees. If the new time or space is taken, the event remains as it is. For its organiser and admins.',
      },
    })
    .input(z.strictObject({ id: Id, ...z.object(details).partial().shape }))
    .output(EventSchema)
    .mutation(({ ctx, input }) => events.updateEvent(ctx, input)),

  remove: signedInProcedure
    .meta({
      openapi: {
        method: 'DELETE',
        path: '/events/{id}',
        tags,
        summary: 'Cancel an event',
        description:
          'Notifies attendees, refunds paid seats in full and frees the space. For its organiser and admins.',
      },
    })
    .input(byId)
    .output(Ok)
    .mutation(({ ctx, input }) => events.removeEvent(ctx, input)),

  attendees: signedInProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/events/{id}/attendees',
        tags,
        summary: 'List attendees',
        description:
          'Returns attendees, held seats and the waiting list in the order of joining. For the organiser of the event and admins.',
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
        summary: 'Attend an event',
        description:
          'Gives the caller a seat, or adds them to the waiting list if the event is full. A seat with a price is held: pay for its `bookingId` like any booking.',
      },
    })
    .input(
      z.strictObject({
        id: Id,
        wait: z
          .boolean()
          .meta({ description: 'With false, a full event is refused with `EVENT_FULL`. Default: true.' })
          .optional(),
      }),
    )
    .output(EventSchema)
    .mutation(({ ctx, input }) => attendEvent(ctx, input)),

  leave: signedInProcedure
    .meta({
      openapi: {
        method: 'DELETE',
        path: '/events/{id}/attend',
        tags,
        summary: 'Leave an event',
        description:
          "Gives up the caller's seat or their position on the waiting list. The next user on the list gets the seat. A paid seat is refunded by the cancellation policy, and cannot be given up after the start.",
      },
    })
    .input(byId)
    .output(EventSchema)
    .mutation(({ ctx, input }) => leaveEvent(ctx, input)),
})
