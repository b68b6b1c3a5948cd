import { bookings } from '../../src/db/schema'
import type { RunningServer } from '../../src/server'
import { at, type TestPerson } from './world'

type Row = typeof bookings.$inferInsert

/** Inserts a booking, checked by the database only. By default from 09:00 to 10:00 on unit 1. */
export async function insertBooking(
  { deps }: RunningServer,
  space: { id: string; locationId: string },
  person: Pick<TestPerson, 'id'>,
  { from = at(9), to = at(10), ...settings }: Partial<Row> & { from?: string; to?: string } = {},
) {
  const [row] = await deps.db
    .insert(bookings)
    .values({
      userId: person.id,
      status: 'confirmed',
      locationId: space.locationId,
      spaceId: space.id,
      unit: 1,
      startsAt: new Date(from),
      endsAt: new Date(to),
      claimed: `[${from},${to})`,
      firstStartsAt: new Date(from),
      holdExpiresAt: settings.status === 'held' ? new Date(Date.now() + 900_000) : null,
      priceMinor: 0,
      currency: 'EUR',
      cancellation: [],
      ...settings,
    })
    .returning()
  if (!row) throw new Error('the booking was not inserted')
  return row
}

/** The name of the constraint that refused a statement. */
export async function constraintOf(statement: Promise<unknown>): Promise<string> {
  try {
    await statement
    return 'was not refused'
  } catch (error) {
    const { cause } = error as { cause?: { constraint_name?: string } }
    return cause?.constraint_name ?? `no constraint: ${error}`
  }
}
