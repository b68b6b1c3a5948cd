import { eq, sql } from 'drizzle-orm'
import type { Context } from '../../context'
import type { Db } from '../../db/client'
import { prepared } from '../../db/client'
import { type BookingRow, bookings, spaces, specialists } from '../../db/schema'
import { multirange, uuidArray } from '../../db/sql'
import { notFound } from '../../errors'
import { addDays, DAY, MINUTE, type Millis, type Period } from '../../lib/time'
import { validatedOutput } from '../../schemas/serialize'
import { type Board, type BoardKey, type CalendarKey, calendarId } from '../../schemas/slots'
import { topicOf } from '../../schemas/socket-messages'
import { type Calendar, type Claim, forService, type Room, type Rules } from './availability'
import { nextChangeByClock, renderBoard } from './slots'
import { readSpaceDay } from './space-day'

/** `changesAt` is when time alone changes the board; `rooms` lists further calendars that decide it. */
export type BoardReading = {
  /** The public board, which marks the holds of no user. */
  board: Board
  changesAt: Millis
  rooms: CalendarKey[]
  /** The same board with the holds of this user marked as `heldByMe`. */
  boardOf(userId: string): Board
}

/**
 * Reads the board of a day with its version, in one statement.
 * @throws NOT_FOUND
 */
export async function readBoard(db: Db, key: BoardKey): Promise<BoardReading> {
  const { date } = key
  const calendar = await readDay(db, key)
  const board = renderBoard(calendar, date)
  const rooms = (calendar.rules.room && calendar.rooms) || []
  return {
    board,
    changesAt: nextChangeByClock(calendar, date),
    rooms: rooms.map(({ rules }) => rules),
    boardOf: (userId) => (hasClaim(calendar, userId) ? renderBoard(calendar, date, userId) : board),
  }
}

/**
 * Returns the caller's board of a day, from the cache if that is as new as the database.
 * @param board `without` leaves out a booking of the caller, to show the times to which it can be rescheduled
 * @throws NOT_FOUND
 */
export async function getBoard(
  ctx: Context,
  { without, ...board }: BoardKey & { without?: string | undefined },
): Promise<Board> {
  const { date, serviceId = '' } = board
  const me = ctx.actor.kind === 'user' ? ctx.actor.id : undefined
  if (without !== undefined) {
    const [row] = await ctx.db.select().from(bookings).where(eq(bookings.id, without))
    if (!row || row.userId !== me) throw notFound('booking')
    return validatedOutput(renderBoard(withoutBooking(await readDay(ctx.db, board), row), date, me))
  }
  if (!ctx.cache.isExactFor(me !== undefined))
    return validatedOutput(renderBoard(await readDay(ctx.db, board), date, me))
  const maxAgeMs = Math.min(MINUTE, ctx.env.SWEEP_SECONDS * 1000)
  const key = `board:${calendarId(board)}:${date}:${serviceId}`
  const cached = await ctx.cache.local(key, { tag: topicOf.calendar(board), maxAgeMs }, async () => {
    const calendar = await readDay(ctx.db, board)
    const value = { calendar, board: validatedOutput(renderBoard(calendar, date), { keepText: true }) }
    return { value, freshForMs: nextChangeByClock(calendar, date) - calendar.now }
  })
  const isFresh = ctx.cache.freshnessOf(key, cached)
  if (isFresh) ctx.reply.isFresh = isFresh
  const isMine = me !== undefined && hasClaim(cached.calendar, me)
  return isMine ? validatedOutput(renderBoard(cached.calendar, date, me)) : cached.board
}

const hasClaim = ({ claims }: Calendar, user: string) => claims.some(({ userId }) => userId === user)

function withoutBooking(calendar: Calendar, row: BookingRow): Calendar {
  const { rooms } = calendar
  return {
    ...calendar,
    claims: claimsWithout(calendar, row),
    ...(rooms && { rooms: rooms.map((room) => ({ ...room, claims: claimsWithout(room, row) })) }),
  }
}

function claimsWithout({ rules, claims }: Pick<Calendar, 'rules' | 'claims'>, row: BookingRow): Claim[] {
  if (![row.spaceId, row.specialistId].includes(calendarId(rules))) return claims
  const isOwn = ({ userId, startsAt, unit }: Claim) =>
    userId === row.userId &&
    startsAt === row.startsAt.getTime() &&
    // A user can book two units of a space at once, but a specialist only once.
    (rules.specialistId !== undefined || unit === row.unit)
  return claims.filter((claim) => !isOwn(claim))
}

async function readDay(db: Db, { date, serviceId, ...key }: BoardKey): Promise<Calendar> {
  if (key.spaceId !== undefined && serviceId === undefined) return readSpaceDay(db, key.spaceId, date)
  const calendar = await readCalendar(db, key, around(date))
  if (serviceId === undefined) return calendar
  const grid = forService(calendar, serviceId)
  if (!grid) throw notFound('service')
  return grid
}

/** Contains a local date in every time zone, with hours past midnight and a buffer of a day. */
export function around(date: string): Period {
  return {
    from: Date.parse(`${addDays(date, -2)}T00:00:00Z`),
    to: Date.parse(`${addDays(date, 4)}T00:00:00Z`),
  }
}

const window = sql`${sql.placeholder('window')}::tstzmultirange`
const now = sql`epoch_ms(clock_timestamp())`.mapWith(Number)

const spaceQuery = prepared((db) =>
  db
    .select({
      rules: sql<Rules>`space_rules(${spaces.id}, ${window})`,
      claims: sql<Claim[]>`space_claims(${spaces.id}, ${window})`,
      rooms: sql<null>`NULL`,
      now,
    })
    .from(spaces)
    .where(sql`${spaces.id} = ${sql.placeholder('id')}`)
    .prepare('calendar'),
)

const specialistQuery = prepared((db) =>
  db
    .select({
      rules: sql<Rules>`specialist_rules(${specialists.id}, ${window})`,
      claims: sql<Claim[]>`specialist_claims(${specialists.id}, ${window})`,
      rooms: sql<Room[]>`specialist_rooms(${specialists.id}, ${window})`,
      now,
    })
    .from(specialists)
    .where(sql`${specialists.id} = ${sql.placeholder('id')}`)
    .prepare('specialist_calendar'),
)

/** @throws NOT_FOUND */
export async function readCalendar(db: Db, key: CalendarKey, period: Period): Promise<Calendar> {
  const query = key.spaceId === undefined ? specialistQuery : spaceQuery
  const [calendar] = await query(db).execute({ id: calendarId(key), window: multirange([period]) })
  if (!calendar?.rules) throw notFound(key.spaceId === undefined ? 'specialist' : 'space')
  return calendar
}

export async function readVersions(
  db: Db,
  keys: CalendarKey[],
): Promise<{ key: CalendarKey; version: number }[]> {
  const spaceIds = keys.flatMap(({ spaceId }) => spaceId ?? [])
  const specialistIds = keys.flatMap(({ specialistId }) => specialistId ?? [])
  const ofSpaces = await versionsIn(db, spaces, spaceIds)
  const ofSpecialists = await versionsIn(db, specialists, specialistIds)
  return [
    ...ofSpaces.map(({ id, version }) => ({ key: { spaceId: id }, version })),
    ...ofSpecialists.map(({ id, version }) => ({ key: { specialistId: id }, version })),
  ]
}

async function versionsIn(db: Db, table: typeof spaces | typeof specialists, ids: string[]) {
  if (ids.length === 0) return []
  return db
    .select({ id: table.id, version: table.version })
    .from(table)
    .where(sql`${table.id} = ANY(${uuidArray(ids)})`)
}

/** Extends a period by the longest slot and buffer, each at most a day, so that all claims that decide it are read. */
export const withReach = ({ from, to }: Period): Period => ({ from: from - 2 * DAY, to: to + 2 * DAY })
