import { and, desc, eq, isNotNull, isNull, lt, type SQL, sql } from 'drizzle-orm'
import type { Context, SignedInContext } from '../../context'
import type { Db, Tx } from '../../db/client'
import { violates } from '../../db/errors'
import { bookings, type ReviewRow, reviews, specialists, users } from '../../db/schema'
import { AppError, notFound } from '../../errors'
import { iso } from '../../lib/time'
import type { Page } from '../../schemas/common'
import type { Review } from '../../schemas/reviews'
import { type CalendarLocks, calendarsOf, withCalendarLocks } from '../calendar/change-calendars'
import { notify } from '../notifications/notify'
import { pageOf } from '../shared/paging'

const EDIT_WINDOW = sql`interval '1 day'`

type ListInput = Page & {
  spaceId?: string | undefined
  specialistId?: string | undefined
  bookingId?: string | undefined
}

/** Lists visible reviews, newest first. Signed-in users read the primary, because they may have just written one. */
export const listReviews = (ctx: Context, input: ListInput) =>
  readReviews(ctx.actor.kind === 'anonymous' ? ctx.replica : ctx.db, input, isNull(reviews.hiddenAt))

export const listHiddenReviews = (ctx: SignedInContext, input: ListInput) =>
  readReviews(ctx.db, input, isNotNull(reviews.hiddenAt))

async function readReviews(db: Db, input: ListInput, seen: SQL) {
  const rows = await selectReviews(db)
    .where(
      and(
        seen,
        input.spaceId ? eq(reviews.spaceId, input.spaceId) : undefined,
        input.specialistId ? eq(reviews.specialistId, input.specialistId) : undefined,
        input.bookingId ? eq(reviews.bookingId, input.bookingId) : undefined,
        input.cursor ? lt(reviews.id, input.cursor) : undefined,
      ),
    )
    .orderBy(desc(reviews.id))
    .limit(input.limit + 1)
  return pageOf(
    rows.map(({ review, author }) => ({ ...review, author })),
    input,
    reviewView,
  )
}

/**
 * Reviews the specialist of the caller's booking or, if it has none, the space.
 * @throws NOT_FOUND, INVALID_STATE if the booking is not completed or is an event seat, NOT_ALLOWED for the caller's own
 *   service, ALREADY_REVIEWED
 */
export async function createReview(
  ctx: SignedInContext,
  { bookingId, rating, comment }: { bookingId: string; rating: number; comment?: string | undefined },
): Promise<Review> {
  const locks: CalendarLocks = {
    userId: ctx.actor.id,
    calendars: async (tx: Tx) => calendarsOf(await subjectOf(tx, ctx.actor.id, bookingId)),
  }
  try {
    const review = await withCalendarLocks(ctx, locks, async (tx) => {
      const subject = await subjectOf(tx, ctx.actor.id, bookingId)
      const [row] = await tx
        .insert(reviews)
        .values({ ...subject, bookingId, userId: ctx.actor.id, rating, comment: comment ?? null })
        .returning({ id: reviews.id })
      if (!row) throw new Error('the review was not inserted')
      const reviewed = await reviewedUser(tx, subject)
      if (reviewed) await notify(tx, { userId: reviewed, kind: 'review_received', bookingId, source: row.id })
      return { result: await readReview(tx, row.id), touched: [], bookings: [] }
    })
    await dropRatings(ctx)
    return review
  } catch (error) {
    if (violates(error, 'reviews_booking_key'))
      throw new AppError('ALREADY_REVIEWED', 'This booking already has a review.')
    throw error
  }
}

const dropRatings = ({ cache }: Context) => cache.drop('specialists')

/** Returns the space or specialist that the caller can review. @throws NOT_FOUND, INVALID_STATE, NOT_ALLOWED */
async function subjectOf(
  tx: Tx,
  userId: string,
  bookingId: string,
): Promise<{ spaceId: string | null; specialistId: string | null }> {
  const [booking] = await tx
    .select()
    .from(bookings)
    .where(and(eq(bookings.id, bookingId), eq(bookings.userId, userId)))
  if (!booking) throw notFound('booking')
  if (booking.status !== 'completed')
    throw new AppError('INVALID_STATE', 'Only completed bookings can be reviewed.')
  if (booking.kind !== 'booking') throw new AppError('INVALID_STATE', 'Events cannot be reviewed.')
  if (booking.specialistUserId === userId)
    throw new AppError('NOT_ALLOWED', 'You cannot review your own service.')
  const { specialistId, spaceId } = booking
  return { specialistId, spaceId: specialistId === null ? spaceId : null }
}

/** Changes the caller's review within a day of its creation. @throws NOT_FOUND, TOO_LATE */
export async function updateReview(
  ctx: SignedInContext,
  { id, ...fields }: { id: string; rating?: number | undefined; comment?: string | null | undefined },
): Promise<Review> {
  return changeReview(ctx, id, async (tx, review) => {
    if (review.userId !== ctx.actor.id) throw notFound('review')
    const [changed] = await tx
      .update(reviews)
      .set({
        rating: fields.rating ?? review.rating,
        comment: fields.comment === undefined ? review.comment : fields.comment,
      })
      .where(and(eq(reviews.id, id), sql`${reviews.createdAt} > clock_timestamp() - ${EDIT_WINDOW}`))
      .returning({ id: reviews.id })
    if (!changed) throw new AppError('TOO_LATE', 'Reviews can be changed for one day only.')
  })
}

/**
 * Locks the calendar before the review, because changing a review updates the average in the calendar's row. The reverse
 * order could deadlock with other changes of the calendar.
 * @throws NOT_FOUND
 */
async function changeReview(
  ctx: SignedInContext,
  id: string,
  run: (tx: Tx, review: ReviewRow) => Promise<unknown>,
): Promise<Review> {
  const locks: CalendarLocks = { calendars: async (tx: Tx) => calendarsOf(await findReview(tx, id)) }
  const review = await withCalendarLocks(ctx, locks, async (tx) => {
    await run(tx, await findReview(tx, id))
    return { result: await readReview(tx, id), touched: [], bookings: [] }
  })
  await dropRatings(ctx)
  return review
}

/** Sets the public reply to a review, replacing an earlier one. @throws NOT_FOUND, NOT_ALLOWED */
export async function answerReview(
  ctx: SignedInContext,
  { id, answer }: { id: string; answer: string },
): Promise<Review> {
  const review = await findReview(ctx.db, id)
  if (ctx.actor.role !== 'admin' && (await reviewedUser(ctx.db, review)) !== ctx.actor.id)
    throw new AppError('NOT_ALLOWED', 'Only the reviewed specialist or an admin can reply.')
  return ctx.db.transaction(async (tx) => {
    await tx.update(reviews).set({ answer }).where(eq(reviews.id, id))
    const { userId, bookingId } = review
    await notify(tx, { userId, kind: 'review_answered', bookingId, source: id })
    return readReview(tx, id)
  })
}

/** Removes a review from lists and from the average, with a reason for other admins. @throws NOT_FOUND */
export const hideReview = (ctx: SignedInContext, { id, reason }: { id: string; reason: string }) =>
  changeReview(ctx, id, (tx) =>
    tx
      .update(reviews)
      .set({ hiddenAt: sql`clock_timestamp()`, hiddenReason: reason })
      .where(eq(reviews.id, id)),
  )

/** Undoes `hideReview`. @throws NOT_FOUND */
export const showReview = (ctx: SignedInContext, { id }: { id: string }) =>
  changeReview(ctx, id, (tx) =>
    tx.update(reviews).set({ hiddenAt: null, hiddenReason: null }).where(eq(reviews.id, id)),
  )

async function findReview(db: Db, id: string): Promise<ReviewRow> {
  const [row] = await db.select().from(reviews).where(eq(reviews.id, id))
  if (!row) throw notFound('review')
  return row
}

async function reviewedUser(
  db: Db,
  { specialistId }: Pick<ReviewRow, 'specialistId'>,
): Promise<string | null> {
  if (specialistId === null) return null
  const [row] = await db
    .select({ userId: specialists.userId })
    .from(specialists)
    .where(eq(specialists.id, specialistId))
  return row?.userId ?? null
}

const selectReviews = (db: Db) =>
  db
    .select({ review: reviews, author: users.name })
    .from(reviews)
    .innerJoin(users, eq(users.id, reviews.userId))

async function readReview(db: Db, id: string): Promise<Review> {
  const [row] = await selectReviews(db).where(eq(reviews.id, id))
  if (!row) throw notFound('review')
  return reviewView({ ...row.review, author: row.author })
}

const reviewView = (row: ReviewRow & { author: string }): Review => ({
  id: row.id,
  bookingId: row.bookingId,
  spaceId: row.spaceId,
  specialistId: row.specialistId,
  rating: row.rating as Review['rating'],
  comment: row.comment,
  answer: row.answer,
  author: row.author,
  hiddenReason: row.hiddenReason,
  createdAt: iso(row.createdAt),
})
