import { and, desc, eq, isNotNull, isNull, lt, type SQL, sql } from 'drizzle-orm'
import type { Context, SignedInContext } from '../../context'
import type { Db, Tx } from '../../db/client'
import { violates } from '../../db/errors'
import { bookings, type ReviewRow, reviews, specialists, users } from '../../db/schema'
import { AppError, notFound } from '../../errors'
import { iso } from '../../lib/time'
import type { Page } from '../../schemas/common'
import type { Review } from '../../schemas/reviews'
import { calendarsOf, withCalendarLocks } from '../calendar/change-calendars'
import { notify } from '../notifications/notify'
import { pageOf } from '../shared/paging'

/** For so long its author may change a review. */
const EDIT_WINDOW = sql`interval '1 day'`

type ListInput = Page & {
  spaceId?: string | undefined
  specialistId?: string | undefined
  bookingId?: string | undefined
}

/**
 * What people see of a space, of a specialist or of all, the newest first. Who is signed in may just have written one, so
 * only guests are answered from the replica.
 */
export const listReviews = (ctx: Context, input: ListInput) =>
  readReviews(ctx.actor.kind === 'anonymous' ? ctx.replica : ctx.db, input, isNull(reviews.hiddenAt))

/** What admins have hidden, and why. */
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
 * Says of one's own booking that took place how it was: of the specialist where there was one, else of the space.
 * @throws NOT_FOUND, INVALID_STATE before it is completed, NOT_ALLOWED of one's own service, ALREADY_REVIEWED
 */
export async function createReview(
  ctx: SignedInContext,
  { bookingId, rating, comment }: { bookingId: string; rating: number; comment?: string | undefined },
): Promise<Review> {
  const locks = {
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
      throw new AppError('ALREADY_REVIEWED', 'This booking has a review already.')
    throw error
  }
}

/** A profile shows the average of its reviews. */
const dropRatings = ({ cache }: Context) => cache.drop('specialists')

/** Whom or what a review of a booking is of. @throws NOT_FOUND, INVALID_STATE, NOT_ALLOWED */
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
    throw new AppError('INVALID_STATE', 'Only what took place can be reviewed.')
  if (booking.kind !== 'booking')
    throw new AppError('INVALID_STATE', 'Spaces and specialists are reviewed, and events are not.')
  if (booking.specialistUserId === userId)
    throw new AppError('NOT_ALLOWED', 'Nobody reviews their own service.')
  const { specialistId, spaceId } = booking
  return { specialistId, spaceId: specialistId === null ? spaceId : null }
}

/** Changes one's own review, for a day after it was made. @throws NOT_FOUND, TOO_LATE */
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
    if (!changed) throw new AppError('TOO_LATE', 'A review can be changed for a day.')
  })
}

/**
 * Runs with the calendar locked whose average the review is part of: whoever locks a calendar and then its reviews would
 * otherwise wait for one who has a review and waits for the calendar.
 * @throws NOT_FOUND
 */
async function changeReview(
  ctx: SignedInContext,
  id: string,
  run: (tx: Tx, review: ReviewRow) => Promise<unknown>,
): Promise<Review> {
  const locks = { calendars: async (tx: Tx) => calendarsOf(await findReview(tx, id)) }
  const review = await withCalendarLocks(ctx, locks, async (tx) => {
    await run(tx, await findReview(tx, id))
    return { result: await readReview(tx, id), touched: [], bookings: [] }
  })
  await dropRatings(ctx)
  return review
}

/** Answers a review in public; a later answer takes the place of the first. @throws NOT_FOUND, NOT_ALLOWED */
export async function answerReview(
  ctx: SignedInContext,
  { id, answer }: { id: string; answer: string },
): Promise<Review> {
  const review = await findReview(ctx.db, id)
  if (ctx.actor.role !== 'admin' && (await reviewedUser(ctx.db, review)) !== ctx.actor.id)
    throw new AppError('NOT_ALLOWED', 'Only whom a review is of may answer it.')
  return ctx.db.transaction(async (tx) => {
    await tx.update(reviews).set({ answer }).where(eq(reviews.id, id))
    const { userId, bookingId } = review
    await notify(tx, { userId, kind: 'review_answered', bookingId, source: id })
    return readReview(tx, id)
  })
}

/** Takes a review out of sight and out of the average, with a reason that other admins see. @throws NOT_FOUND */
export const hideReview = (ctx: SignedInContext, { id, reason }: { id: string; reason: string }) =>
  changeReview(ctx, id, (tx) =>
    tx
      .update(reviews)
      .set({ hiddenAt: sql`clock_timestamp()`, hiddenReason: reason })
      .where(eq(reviews.id, id)),
  )

/** Shows again what was hidden. @throws NOT_FOUND */
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
