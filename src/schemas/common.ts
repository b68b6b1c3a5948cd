import { z } from 'zod'
import { REASONS, type Reason } from '../errors'
import { iso, isTimeZone, type Millis } from '../lib/time'

// Shared input and output schemas. Inputs are bounded so that the database never has to refuse them.

/** Lower case, as PostgreSQL writes it: topics and cache keys compare ids as text. */
export const Id = z.uuid().toLowerCase().meta({ example: '019a7d3e-5b1c-7c00-8000-000000000001' })
export const ReasonSchema = z.enum(Object.keys(REASONS) as [Reason, ...Reason[]])

const printable = (text: string) => !text.includes('\0')
const oneLine = (text: string) => !/[\p{Cc}\u2028\u2029]/u.test(text)
export const Line = (max: number) =>
  z.string().trim().min(1).max(max).refine(oneLine, 'must be one line, without control characters')
/** Text with line breaks; may be empty. */
export const Prose = (max: number) =>
  z.string().max(max).refine(printable, 'must not contain a NUL character')

const inReach = (text: string) => text >= '2000' && text < '2200'
/** An instant with any UTC offset. */
export const Instant = z.iso
  .datetime({ offset: true })
  .refine((text) => inReach(text) && !Number.isNaN(Date.parse(text)), 'must be an instant from 2000 to 2199')
  .meta({ example: '2027-01-04T09:00:00Z' })
export const LocalDate = z.iso
  .date()
  .refine(inReach, 'must be a date from 2000 to 2199')
  .meta({ description: 'In the time zone of the location.', example: '2027-01-04' })
export const InstantOut = z.string().meta({ format: 'date-time', example: '2027-01-04T09:00:00Z' })

export const TimeZone = z
  .string()
  .max(64, { abort: true })
  .regex(/^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/, 'must be a name such as Europe/Rome')
  .refine(isTimeZone, 'is not a known time zone')
  .meta({ example: 'Europe/Rome' })

export const Currency = z
  .string()
  .regex(/^[A-Z]{3}$/, 'must be three capital letters, such as EUR')
  .meta({ example: 'EUR' })
export const whole = (min: number, max: number) => z.int().min(min).max(max)
export const Ok = z.object({ ok: z.literal(true) })

export const direction = z
  .enum(['forward'])
  .meta({ description: "Sent by tRPC's infinite queries; ignored." })
  .optional()

/** Input of every list. */
export const page = {
  limit: whole(1, 100).default(20).meta({ description: 'Maximum number of items.' }),
  cursor: Id.meta({ description: '`nextCursor` of the previous page.' }).optional(),
  direction,
}
export type Page = { limit: number; cursor?: string | undefined; direction?: 'forward' | undefined }

const START_CURSOR = /^(\d{1,13})-([0-9a-f-]{36})$/
/** Cursor of a list ordered by start. Contains the start itself, since the last item can be rescheduled before the next page. */
export const StartCursor = z
  .string()
  .refine(
    (text) => Id.safeParse(START_CURSOR.exec(text)?.[2]).success,
    'must be a nextCursor from a response',
  )
  .meta({ description: '`nextCursor` of the previous page.' })

export const startCursorOf = ({ startsAt, id }: { startsAt: Date | Millis; id: string }): string =>
  `${Number(startsAt)}-${id}`
export function readStartCursor(cursor: string): { startsAt: Millis; id: string } {
  const [, startsAt, id = ''] = START_CURSOR.exec(cursor) ?? []
  return { startsAt: Number(startsAt), id }
}

export const listOf = <T extends z.ZodType>(item: T) =>
  z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().meta({ description: '`cursor` of the next page; null on the last.' }),
  })

const SLOT_ID = /^([0-9a-f-]{36})@(.+)$/i

/** `<spaceId>@<startsAt>`, or `<serviceId>@<startsAt>` for a slot of a specialist. */
export const SlotId = z
  .string()
  .max(80, { abort: true })
  .refine((text) => {
    const [, spaceId, startsAt] = SLOT_ID.exec(text) ?? []
    return Id.safeParse(spaceId).success && Instant.safeParse(startsAt).success
  }, 'must be a space or service id and an instant, joined by @')
  .meta({
    description: 'Id of the space or service, `@` and the start.',
    example: '019a7d3e-5b1c-7c00-8000-000000000001@2027-01-04T09:00:00Z',
  })

/** A parsed slot id. `slotOf` is the id of a space or a service. */
export type SlotName = { slotOf: string; startsAt: Date }
export function parseSlotId(slotId: string): SlotName {
  const [, slotOf = '', startsAt = ''] = SLOT_ID.exec(slotId) ?? []
  return { slotOf: slotOf.toLowerCase(), startsAt: new Date(startsAt) }
}

export const slotIdOf = (slotOf: string, startsAt: Date | number): string => `${slotOf}@${iso(startsAt)}`
