import { InvalidArgumentError, Option } from 'commander'
import { AppError } from '../errors'
import { type Booking, BookingStatusSchema } from '../schemas/bookings'
import { Id } from '../schemas/common'
import { cancelBooking, listBookings, releaseHold } from '../services/bookings/bookings'
import { sweepUnpaidSeats } from '../services/bookings/event-seats'
import { sweepExpiredHolds } from '../services/bookings/sweep'
import { type Admin, Failed, type Work } from './command'
import { table } from './console'
import { everyPage, firstItems } from './pages'
import { parseCount, parseInstant } from './parse'

export function addBookingCommands({ program, on }: Admin): void {
  const holds = program.command('holds').description('list and release holds')
  holds
    .command('list')
    .description('list all holds')
    .action(on(showHolds))
    .addHelpText('after', '\nExample:\n  bun run admin holds list\n')
  holds
    .command('expire')
    .description('expire the holds that are past their end, as the sweep does, or release the given holds')
    .argument('[ids...]', 'ids of holds to release', collectIds)
    .option('--all', 'release all holds')
    .action(on(expireHolds))
    .addHelpText('after', '\nExamples:\n  bun run admin holds expire\n  bun run admin holds expire --all\n')

  const bookings = program.command('bookings').description('list and cancel bookings')
  bookings
    .command('list')
    .description('list bookings, newest first')
    .addOption(new Option('--status <status>', 'only with this status').choices(BookingStatusSchema.options))
    .option('--from <instant>', 'only bookings that end after this time', parseInstant)
    .option('--to <instant>', 'only bookings that start before this time', parseInstant)
    .option('--limit <count>', 'maximum number of bookings', parseCount, 100)
    .action(on(showBookings))
    .addHelpText(
      'after',
      '\nExample:\n  bun run admin bookings list --from 2027-01-04T00:00:00Z --status confirmed\n',
    )
  bookings
    .command('cancel')
    .description('cancel bookings as an operator; refunds follow the cancellation policy')
    .argument('<ids...>', 'ids of bookings', collectIds)
    .action(on(cancelBookings))
    .addHelpText(
      'after',
      '\nExample:\n  bun run admin bookings cancel 019a7d3e-5b1c-7c00-8000-000000000001\n',
    )
}

function collectIds(text: string, before: string[] = []): string[] {
  if (!Id.safeParse(text).success) throw new InvalidArgumentError('Not a booking id.')
  return [...before, text]
}

type Filter = Parameters<typeof listBookings>[1]

const allBookings = ({ ctx }: Work, filter: Partial<Filter>) =>
  everyPage((page) => listBookings(ctx, { ...filter, ...page, as: 'admin' }))

async function showHolds(work: Work): Promise<void> {
  work.console.show(await allBookings(work, { status: 'held' }), bookingTable)
}

async function expireHolds(
  work: Work,
  ids: string[] = [],
  { all = false }: { all?: boolean } = {},
): Promise<void> {
  const chosen = all ? (await allBookings(work, { status: 'held' })).map(({ id }) => id) : ids
  if (chosen.length > 0) return eachOf(work, chosen, releaseHold, 'released')
  const freed = all ? 0 : (await sweepExpiredHolds(work.ctx)) + (await sweepUnpaidSeats(work.ctx))
  work.console.show({ freed }, () => `${freed} holds expired.`)
}

async function showBookings(
  work: Work,
  { limit, ...filter }: Partial<Filter> & { limit: number },
): Promise<void> {
  const { items, more } = await firstItems(limit, (page) =>
    listBookings(work.ctx, { ...filter, ...page, as: 'admin' }),
  )
  work.console.show(items, (shown) =>
    more ? `${bookingTable(shown)}\nMore bookings exist. Raise --limit to see them.` : bookingTable(shown),
  )
}

const bookingTable = (bookings: Booking[]) =>
  table(
    ['id', 'status', 'starts', 'ends', 'space', 'unit', 'user', 'hold ends'],
    bookings.map((one) => [
      one.id,
      one.status,
      one.startsAt,
      one.endsAt,
      one.spaceId,
      one.unit,
      one.userId,
      one.holdExpiresAt,
    ]),
    'No bookings found.',
  )

const cancelBookings = (work: Work, ids: string[]) => eachOf(work, ids, cancelBooking, 'cancelled')

/** Continues after a refusal. Any refusal makes the command fail. */
async function eachOf(
  { ctx, console }: Work,
  ids: string[],
  act: (context: Work['ctx'], input: { id: string }) => Promise<Booking>,
  done: string,
): Promise<void> {
  const outcomes: { id: string; reason?: string; message: string; booking?: Booking }[] = []
  for (const id of ids) {
    try {
      outcomes.push({ id, booking: await act(ctx, { id }), message: done })
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      outcomes.push({ id, reason: error.reason, message: error.message })
    }
    if (ids.length > 10) console.progress('bookings', outcomes.length, ids.length)
  }
  console.show(outcomes, (all) => all.map(({ id, message }) => `${id} ${message}`).join('\n'))
  if (outcomes.some(({ reason }) => reason !== undefined)) throw new Failed()
}
