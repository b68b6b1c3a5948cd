import { z } from 'zod'
import { SPACE_KINDS } from '../db/schema/spaces'
import { Currency, Id, InstantOut, TimeZone, whole } from './common'

const WeekdaySchema = z
  .union([z.literal(1), z.literal(2), z.literal(3), z.literal(4), z.literal(5), z.literal(6), z.literal(7)])
  .meta({ description: 'From 1 (Monday) to 7 (Sunday).' })
const OpensAt = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM')
  .meta({ example: '08:00' })
const ClosesAt = z
  .string()
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'must be HH:MM, or 24:00')
  .meta({ example: '20:00' })

export const OpeningSchema = z.object({ weekday: WeekdaySchema, opensAt: OpensAt, closesAt: ClosesAt })
export const HoursSchema = z
  .array(OpeningSchema)
  .meta({ description: 'Weekly hours in local time. `closesAt` at or before `opensAt` is on the next day.' })
export type Hours = z.infer<typeof HoursSchema>

/** Refuses overlapping hours, also across the end of the week. */
export const HoursInput = z
  .array(z.strictObject(OpeningSchema.shape))
  .max(50)
  .superRefine((hours, context) => {
    const clash = firstOverlap(hours)
    if (clash) context.addIssue({ code: 'custom', message: `has overlapping hours at ${clash}` })
  })

const WEEK_MINUTES = 7 * 24 * 60

function firstOverlap(hours: Hours): string | undefined {
  const minutes = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
  const openings = hours
    .map(({ weekday, opensAt, closesAt }) => {
      const from = (weekday - 1) * 1440 + minutes(opensAt)
      const to = (weekday - 1) * 1440 + minutes(closesAt) + (closesAt <= opensAt ? 1440 : 0)
      return { from, to, name: `weekday ${weekday}, ${opensAt}` }
    })
    .sort((a, b) => a.from - b.from)
  const [first] = openings
  if (!first) return undefined
  const cycle = [...openings, { ...first, from: first.from + WEEK_MINUTES }]
  return cycle.find((opening, index) => index > 0 && opening.from < (cycle[index - 1]?.to ?? 0))?.name
}

export const CancellationTierSchema = z.object({ hoursBefore: whole(0, 8760), refundPercent: whole(0, 100) })
export const CancellationSchema = z.array(CancellationTierSchema).meta({
  description:
    'Cancelling at least `hoursBefore` the start refunds `refundPercent`. The tier with the most matching hours applies.',
})

export const LocationSchema = z
  .object({
    id: Id,
    name: z.string(),
    address: z.string(),
    city: z.string(),
    timeZone: TimeZone,
    hours: HoursSchema,
  })
  .meta({ id: 'Location' })
export type Location = z.infer<typeof LocationSchema>

export const CancellationInput = z.array(z.strictObject(CancellationTierSchema.shape)).max(10)

export const SpaceKindSchema = z.enum(SPACE_KINDS)
/** Optional settings of a space; each has a default. */
export const spaceSettings = {
  capacity: whole(1, 10_000).meta({ description: 'Number of users per unit.' }).optional(),
  units: whole(1, 1000).meta({ description: 'Number of identical units.' }).optional(),
  slotMinutes: whole(5, 1440).optional(),
  bufferMinutes: whole(0, 1440)
    .meta({ description: 'Time after each booking that cannot be booked.' })
    .optional(),
  priceMinor: whole(0, 10_000_000).meta({ description: 'Price of one slot, in minor units.' }).optional(),
  currency: Currency.optional(),
  minNoticeMinutes: whole(0, 525_600).meta({ description: 'Minimum time from booking to start.' }).optional(),
  maxNoticeDays: whole(1, 3650).meta({ description: 'Maximum time from booking to start.' }).optional(),
  maxSlots: whole(1, 200).meta({ description: 'Maximum number of slots per booking.' }).optional(),
  arrivalGraceMinutes: whole(0, 1440)
    .nullable()
    .meta({
      description: 'Time after the start when a booking without check-in becomes a no-show; null for never.',
    })
    .optional(),
  hours: HoursInput.nullable().meta({ description: 'null for the hours of the location.' }).optional(),
  cancellation: CancellationInput.optional(),
}

export const SpaceSchema = z
  .object({
    id: Id,
    locationId: Id,
    name: z.string(),
    kind: SpaceKindSchema,
    capacity: z.int().meta({ description: 'Number of users per unit.' }),
    units: z.int().meta({ description: 'Number of identical units.' }),
    slotMinutes: z.int(),
    bufferMinutes: z.int().meta({ description: 'Time after each booking that cannot be booked.' }),
    priceMinor: z.int().meta({ description: 'Price of one slot, in minor units.' }),
    currency: Currency,
    minNoticeMinutes: z.int(),
    maxNoticeDays: z.int(),
    maxSlots: z.int().meta({ description: 'Maximum number of slots per booking.' }),
    arrivalGraceMinutes: z.int().nullable().meta({
      description: 'Time after the start when a booking without check-in becomes a no-show; null for never.',
    }),
    hours: HoursSchema.nullable().meta({ description: 'null for the hours of the location.' }),
    cancellation: CancellationSchema,
    timeZone: TimeZone,
    rating: z.number().nullable(),
    reviewCount: z.int(),
  })
  .meta({ id: 'Space' })
export type Space = z.infer<typeof SpaceSchema>

export const ClosureSchema = z
  .object({
    id: Id,
    locationId: Id,
    spaceId: Id.nullable().meta({
      description: 'The closed space; null for the whole location or a specialist.',
    }),
    specialistId: Id.nullable().meta({ description: 'The specialist who has time off.' }),
    startsAt: InstantOut,
    endsAt: InstantOut,
    reason: z.string(),
  })
  .meta({ id: 'Closure' })
export type Closure = z.infer<typeof ClosureSchema>
