import { z } from 'zod'
import { BookingSchema } from './bookings'
import { CheckInSchema } from './check-ins'
import { Id, Instant, InstantOut, LocalDate, ReasonSchema, SlotId } from './common'
import { EventSchema } from './events'
import { NotificationSchema } from './notifications'
import { PaymentSchema } from './payments'
import { BoardSchema, type CalendarKey, SlotSchema } from './slots'

/** Recipients of a message: all sockets, or those of one space, specialist, location or user. */
export type Topic = 'everyone' | `${'space' | 'specialist' | 'location' | 'user'}:${string}`
export const topicOf = {
  space: (id: string): Topic => `space:${id}`,
  calendar: ({ spaceId, specialistId }: CalendarKey): Topic =>
    spaceId === undefined ? `specialist:${specialistId}` : `space:${spaceId}`,
  user: (id: string): Topic => `user:${id}`,
  /** Signed-out watchers of a location. */
  location: (id: string): Topic => `location:${id}`,
  /** Signed-in watchers, whose messages also contain names and events for members. */
  members: (id: string): Topic => `location:${id}:members`,
}

const requestId = {
  requestId: z
    .string()
    .max(100)
    .meta({ description: 'Chosen by the client; returned in the response.' })
    .optional(),
}

/** All messages from clients. Unknown types and fields are refused. */
export const ClientMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('join_space'), spaceId: Id, date: LocalDate, ...requestId }),
  z.strictObject({ type: z.literal('leave_space'), spaceId: Id, ...requestId }),
  z.strictObject({
    type: z.literal('join_specialist'),
    specialistId: Id,
    date: LocalDate,
    serviceId: Id.optional(),
    ...requestId,
  }),
  z.strictObject({ type: z.literal('leave_specialist'), specialistId: Id, ...requestId }),
  z.strictObject({
    type: z.literal('slot_hold'),
    slotId: SlotId.meta({ description: 'The slot to hold. Replaces the other fields.' }).optional(),
    spaceId: Id.optional(),
    startsAt: Instant.optional(),
    endsAt: Instant.meta({ description: 'Default: the end of one slot.' }).optional(),
    ...requestId,
  }),
  z.strictObject({
    type: z.literal('slot_release'),
    slotId: SlotId.meta({ description: 'A slot that the user holds.' }).optional(),
    bookingId: Id.meta({ description: 'Replaces `slotId`.' }).optional(),
    ...requestId,
  }),
  z.strictObject({ type: z.literal('join_location'), locationId: Id, ...requestId }),
  z.strictObject({ type: z.literal('leave_location'), locationId: Id, ...requestId }),
  z.strictObject({
    type: z.literal('authenticate'),
    token: z.string().min(1).max(4096).meta({ description: 'An access token.' }),
    ...requestId,
  }),
])
export type ClientMessage = z.infer<typeof ClientMessageSchema>

export const ChangeCauseSchema = z.enum([
  'held',
  'released',
  'expired',
  'booked',
  'cancelled',
  'rescheduled',
  'completed',
])
export type ChangeCause = z.infer<typeof ChangeCauseSchema>

/** Exactly one is set. */
const calendarKeys = { spaceId: Id.optional(), specialistId: Id.optional() }

const SlotUpdateSchema = z.object({
  type: z.literal('slot_update'),
  ...calendarKeys,
  fromVersion: z.int().meta({ description: 'Version of the board to which the changes apply.' }),
  version: z.int().meta({ description: 'Version of the board after the changes.' }),
  slots: z.array(SlotSchema).meta({ description: 'Changed slots, on any date.' }),
  cause: ChangeCauseSchema,
  timestamp: InstantOut,
})
const WholeBoardSchema = BoardSchema.extend({ type: z.literal('slots_status_update'), ...requestId })
const BoardVersionSchema = z.object({
  type: z.literal('board_version'),
  ...calendarKeys,
  version: z.int().meta({ description: 'Current version of the calendar.' }),
})

/** Messages about a watched board, on sockets and as server-sent events. */
export const BoardMessageSchema = z.discriminatedUnion('type', [
  WholeBoardSchema,
  SlotUpdateSchema,
  BoardVersionSchema,
])
export type BoardMessage = z.infer<typeof BoardMessageSchema>

const locationVersion = z.int().meta({ description: 'Counter that each change of the location raises.' })

const CheckInsSchema = z.object({
  type: z.literal('check_ins'),
  locationId: Id,
  version: locationVersion,
  present: z.array(CheckInSchema),
})
const EventsSchema = z.object({
  type: z.literal('events'),
  locationId: Id,
  version: locationVersion,
  events: z.array(EventSchema),
})
const WholeLocationSchema = z.object({
  type: z.literal('initial'),
  locationId: Id,
  version: locationVersion,
  checkIns: z.array(CheckInSchema),
  events: z.array(EventSchema),
  ...requestId,
})
const LocationVersionSchema = z.object({
  type: z.literal('location_version'),
  locationId: Id,
  version: locationVersion,
})

/** Messages about a watched location, on sockets and as server-sent events. */
export const LocationMessageSchema = z.discriminatedUnion('type', [
  WholeLocationSchema,
  CheckInsSchema,
  EventsSchema,
  LocationVersionSchema,
])
export type LocationMessage = z.infer<typeof LocationMessageSchema>

/** All messages from the server: first responses, then pushed messages. */
export const ServerMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('connection_confirmed'),
    connectionId: z.string(),
    userId: Id.nullable().meta({ description: 'null without an access token.' }),
    serverTime: InstantOut,
  }),
  z.object({ type: z.literal('joined_space'), spaceId: Id, date: LocalDate, ...requestId }),
  z.object({ type: z.literal('left_space'), spaceId: Id, ...requestId }),
  z.object({
    type: z.literal('joined_specialist'),
    specialistId: Id,
    date: LocalDate,
    serviceId: Id.optional(),
    ...requestId,
  }),
  z.object({ type: z.literal('left_specialist'), specialistId: Id, ...requestId }),
  z.object({ type: z.literal('hold_confirmed'), booking: BookingSchema, ...requestId }),
  z.object({ type: z.literal('hold_released'), bookingId: Id, ...requestId }),
  z.object({
    type: z.literal('authenticated'),
    userId: Id,
    expiresAt: InstantOut.meta({ description: 'When the access token expires.' }),
    ...requestId,
  }),
  z.object({
    type: z.literal('error'),
    code: z.string().meta({ description: 'tRPC error code.' }),
    reason: ReasonSchema,
    message: z.string().meta({ description: 'Text for users.' }),
    ...requestId,
  }),
  SlotUpdateSchema,
  z.object({
    type: z.literal('slots_freed'),
    ...calendarKeys,
    slotIds: z.array(z.string()),
    count: z.int().meta({ description: 'Number of `slotIds`.' }),
    timestamp: InstantOut,
  }),
  BoardVersionSchema,
  WholeBoardSchema,
  z.object({ type: z.literal('booking_update'), booking: BookingSchema }),
  z.object({ type: z.literal('event_update'), event: EventSchema }),
  WholeLocationSchema,
  z.object({ type: z.literal('left_location'), locationId: Id, ...requestId }),
  CheckInsSchema,
  EventsSchema,
  LocationVersionSchema,
  NotificationSchema.extend({ type: z.literal('notification') }),
  z.object({ type: z.literal('notifications_unread'), unread: z.int() }),
  z.object({ type: z.literal('payment_update'), payment: PaymentSchema }),
  z.object({ type: z.literal('announcement'), message: z.string() }),
  z.object({ type: z.literal('server_closing'), reconnectInSeconds: z.number() }),
])
export type ServerMessage = z.infer<typeof ServerMessageSchema>
