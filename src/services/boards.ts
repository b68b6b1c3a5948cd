import { sql } from 'drizzle-orm'
import type { Context } from '../context'
import type { Db } from '../db/client'
import { prepared } from '../db/client'
import { spaces } from '../db/schema'
import { notFound } from '../errors'
import { topicOf } from '../realtime/events'
import type { Board } from '../shapes/slots'
import { addDays, DAY, MINUTE, type Millis, type Period } from '../time'
import { type Calendar, type Claim, nextChangeByClock, type Rules, renderBoard } from './availability'
import { multirange, uuidArray } from './calendar'

/**
 * The day of a space as it stands now, with the version of its calendar; both by one statement.
 * @param me whose holds are marked as his own
 * @throws NOT_FOUND
 */
export async function readBoard(
  db: Db,
  input: { spaceId: string; date: string },
  me?: string,
): Promise<Board> {
  return renderBoard(await readDay(db, input), input.date, me)
}

/**
 * The day of a space for whoever asks: from the cache where that is as new as the database, else as `readBoard`.
 * @throws NOT_FOUND
 */
export async function getBoard(ctx: Context, input: { spaceId: string; date: string }): Promise<Board> {
  const me = ctx.actor.kind === 'person' ? ctx.actor.id : undefined
  if (!ctx.cache.isExactFor(me !== undefined)) return readBoard(ctx.db, input, me)
  const maxAgeMs = Math.min(MINUTE, ctx.env.SWEEP_SECONDS * 1000)
  const { calendar, board } = await ctx.cache.near(
    `board:${input.spaceId}:${input.date}`,
    { tag: topicOf.space(input.spaceId), maxAgeMs },
    async () => {
      const read = await readDay(ctx.db, input)
      const value = { calendar: read, board: renderBoard(read, input.date) }
      return { value, trueForMs: nextChangeByClock(read, input.date) - read.now }
    },
  )
  const isMine = me !== undefined && calendar.claims.some(({ userId }) => userId === me)
  return isMine ? renderBoard(calendar, input.date, me) : board
}

/** A board as everyone sees it, with the moment until which the clock alone leaves it as it is. */
export async function readSharedBoard(
  db: Db,
  input: { spaceId: string; date: string },
): Promise<{ board: Board; changesAt: Millis }> {
  const calendar = await readDay(db, input)
  return { board: renderBoard(calendar, input.date), changesAt: nextChangeByClock(calendar, input.date) }
}

const readDay = (db: Db, { spaceId, date }: { spaceId: string; date: string }) =>
  readCalendar(db, spaceId, around(date))

/** A local date in every zone there is, with hours that run past midnight and a buffer of a day behind them. */
function around(date: string): Period {
  return {
    from: Date.parse(`${addDays(date, -2)}T00:00:00Z`),
    to: Date.parse(`${addDays(date, 4)}T00:00:00Z`),
  }
}

const calendarQuery = prepared((db) =>
  db
    .select({
      rules: sql<Rules>`space_rules(${spaces.id}, ${sql.placeholder('window')}::tstzmultirange)`,
      claims: sql<Claim[]>`space_claims(${spaces.id}, ${sql.placeholder('window')}::tstzmultirange)`,
      now: sql<number>`epoch_ms(clock_timestamp())`.mapWith(Number),
    })
    .from(spaces)
    .where(sql`${spaces.id} = ${sql.placeholder('spaceId')}`)
    .prepare('calendar'),
)

/**
 * Everything that decides which times of a space can be had inside a window.
 * @throws NOT_FOUND
 */
export async function readCalendar(db: Db, spaceId: string, window: Period): Promise<Calendar> {
  const [calendar] = await calendarQuery(db).execute({ spaceId, window: multirange([window]) })
  if (!calendar?.rules) throw notFound('space')
  return calendar
}

/** The versions of calendars: what a board that follows them must have reached. */
export async function readVersions(
  db: Db,
  spaceIds: string[],
): Promise<{ spaceId: string; version: number }[]> {
  if (spaceIds.length === 0) return []
  return db
    .select({ spaceId: spaces.id, version: spaces.version })
    .from(spaces)
    .where(sql`${spaces.id} = ANY(${uuidArray(spaceIds)})`)
}

/** How far a window must reach beyond a time so that its calendar decides it: a slot and a buffer are a day at most. */
export const withReach = ({ from, to }: Period): Period => ({ from: from - 2 * DAY, to: to + 2 * DAY })
