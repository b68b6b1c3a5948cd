import { z } from 'zod'
import { BookingSchema } from './bookings'
import { CheckInSchema } from './check-ins'
import { Id, Instant, InstantOut, LocalDate, ReasonSchema, SlotId } from './common'
import { EventSchema } from './events'
import { NotificationSchema } from './notifications'
import { PaymentSchema } from './payments'
import { BoardSchema, type CalendarKey, SlotSchema } from './slots'

/** Who hears what: `everyone`, or one space, specialist, location or person. */
export type Topic = 'everyone' | `${'space' | 'specialist' | 'location' | 'user'}:${string}`
export const topicOf = {
  space: (id: string): Topic => `space:${id}`,
  calendar: ({ spaceId, specialistId }: CalendarKey): Topic =>
    spaceId === undefined ? `specialist:${specialistId}` : `space:${spaceId}`,
  user: (id: string): Topic => `user:${id}`,
  /** What everyone may hear of a location. */
  location: (id: string): Topic => `location:${id}`,
  /** What those who are signed in hear in its place: the same, with names and with what is for members only. */
  members: (id: string): Topic => `location:${id}:members`,
}

const requestId = { requestId: z.string().max(100).optional() }

/** Every message that a client may send. Unknown types and unknown fields are refused. */
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
    slotId: SlotId.optional(),
    spaceId: Id.optional(),
    startsAt: Instant.optional(),
    endsAt: Instant.optional(),
    ...requestId,
  }),
  z.strictObject({
    type: z.literal('slot_release'),
    slotId: SlotId.optional(),
    bookingId: Id.optional(),
    ...requestId,
  }),
  z.strictObject({ type: z.literal('join_location'), locationId: Id, ...requestId }),
  z.strictObject({ type: z.literal('leave_location'), locationId: Id, ...requestId }),
  z.strictObject({ type: z.literal('authenticate'), token: z.string().min(1).max(4096), ...requestId }),
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

/** Whose board a message speaks of: a space's, or a specialist's in its place. */
const whose = { spaceId: Id.optional(), specialistId: Id.optional() }

const SlotUpdateSchema = z.object({
  type: z.literal('slot_update'),
  ...whose,
  fromVersion: z.int(),
  version: z.int(),
  slots: z.array(SlotSchema),
  cause: ChangeCauseSchema,
  timestamp: InstantOut,
})
const WholeBoardSchema = BoardSchema.extend({ type: z.literal('slots_status_update'), ...requestId })
const BoardVersionSchema = z.object({ type: z.literal('board_version'), ...whose, version: z.int() })

/** What a board lives by, on the socket and as server-sent events: the whole of it, its changes, and how far they are. */
export const BoardMessageSchema = z.discriminatedUnion('type', [
  WholeBoardSchema,
  SlotUpdateSchema,
  BoardVersionSchema,
])
export type BoardMessage = z.infer<typeof BoardMessageSchema>

const CheckInsSchema = z.object({
  type: z.literal('check_ins'),
  locationId: Id,
  version: z.int(),
  present: z.array(CheckInSchema),
})
const EventsSchema = z.object({
  type: z.literal('events'),
  locationId: Id,
  version: z.int(),
  events: z.array(EventSchema),
})
const WholeLocationSchema = z.object({
  type: z.literal('initial'),
  locationId: Id,
  version: z.int(),
  checkIns: z.array(CheckInSchema),
  events: z.array(EventSchema),
  ...requestId,
})
const LocationVersionSchema = z.object({
  type: z.literal('location_version'),
  locationId: Id,
  version: z.int(),
})

/** What a watched location lives by, on the socket and as server-sent events. */
export const LocationMessageSchema = z.discriminatedUnion('type', [
  WholeLocationSchema,
  CheckInsSchema,
  EventsSchema,
  LocationVersionSchema,
])
export type LocationMessage = z.infer<typeof LocationMessageSchema>

/** Every message that the server may send: answers first, then what it pushes unasked. */
export const ServerMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('connection_confirmed'),
    connectionId: z.string(),
    userId: Id.nullable(),
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
  z.object({ type: z.literal('authenticated'), userId: Id, expiresAt: InstantOut, ...requestId }),
  z.object({
    type: z.literal('error'),
    code: z.string(),
    reason: ReasonSchema,
    message: z.string(),
    ...requestId,
  }),
  SlotUpdateSchema,
  z.object({
    type: z.literal('slots_freed'),
    ...whose,
    slotIds: z.array(z.string()),
    count: z.int(),
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
