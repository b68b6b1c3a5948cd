import { eq } from 'drizzle-orm'
import { bookings, payments } from '../../src/db/schema'
import type { Intent } from '../../src/schemas/payments'
import type { RunningServer } from '../../src/server'
import { at, clientOf, makePerson, makeSpace, type TestPerson, until } from './world'

/** Confirms an intent as a browser does, with the publishable key and the client secret. */
export async function payInBrowser(
  server: Pick<RunningServer, 'sandbox'>,
  { clientSecret, publishableKey }: Pick<Intent, 'clientSecret' | 'publishableKey'>,
  card = 'pm_card_visa',
) {
  const [id] = clientSecret.split('_secret_')
  const response = await fetch(`${server.sandbox?.url}/v1/payment_intents/${id}/confirm`, {
    method: 'POST',
    headers: { authorization: `Bearer ${publishableKey}` },
    body: new URLSearchParams({ client_secret: clientSecret, payment_method: card }),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

/** Holds an hour of a space that costs 20.00 and creates the payment intent. */
export async function holdToPay(
  server: RunningServer,
  settings: Parameters<typeof makeSpace>[1] & { hour?: number; person?: TestPerson } = {},
) {
  const { hour = 9, person: given, ...rest } = settings
  const space = await makeSpace(server, { priceMinor: 2000, ...rest })
  const person = given ?? (await makePerson(server))
  const client = clientOf(server, person)
  const booking = await client.bookings.create.mutate({ spaceId: space.id, startsAt: at(hour) })
  const intent = await client.payments.createIntent.mutate({ bookingId: booking.id })
  return { space, person, client, booking, intent }
}

export const bookingRow = async ({ deps }: RunningServer, id: string) => {
  const [row] = await deps.db.select().from(bookings).where(eq(bookings.id, id))
  if (!row) throw new Error('the booking does not exist')
  return row
}

export const paymentRow = async ({ deps }: RunningServer, id: string) => {
  const [row] = await deps.db.select().from(payments).where(eq(payments.id, id))
  if (!row) throw new Error('the payment does not exist')
  return row
}

export const untilBooking = (
  server: RunningServer,
  id: string,
  fits: (row: Awaited<ReturnType<typeof bookingRow>>) => boolean,
) =>
  until(async () => {
    const row = await bookingRow(server, id)
    return fits(row) ? row : undefined
  })

export const untilPayment = (
  server: RunningServer,
  id: string,
  fits: (row: Awaited<ReturnType<typeof paymentRow>>) => boolean,
) =>
  until(async () => {
    const row = await paymentRow(server, id)
    return fits(row) ? row : undefined
  })

export const stripeOf = ({ deps }: RunningServer) => deps.stripe.api()

/** A Stripe event with a new id. */
export const eventOf = (type: string, object: Record<string, unknown>) => ({
  id: `evt_${Bun.randomUUIDv7().replaceAll('-', '')}`,
  object: 'event' as const,
  created: Math.floor(Date.now() / 1000),
  type,
  data: { object },
})
