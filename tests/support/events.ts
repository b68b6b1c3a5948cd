import { eq } from 'drizzle-orm'
import { eventAttendees } from '../../src/db/schema'
import type { Event } from '../../src/schemas/events'
import type { RunningServer } from '../../src/server'
import type { SocketClient } from './socket'
import { at, clientOf, makePerson, makeSpace, type TestPerson } from './world'

export type EventSettings = Partial<Parameters<ReturnType<typeof clientOf>['events']['create']['mutate']>[0]>

/** Creates an event, by default at a new location. */
export async function makeEvent(
  server: RunningServer,
  maker: TestPerson,
  settings: EventSettings = {},
): Promise<Event> {
  const locationId = settings.locationId ?? (await makeSpace(server)).locationId
  return clientOf(server, maker).events.create.mutate({
    locationId,
    title: 'Breakfast',
    startsAt: at(9),
    endsAt: at(11),
    ...settings,
  })
}

export const makePeople = (server: RunningServer, count: number) =>
  Promise.all(Array.from({ length: count }, () => makePerson(server)))

/** The kinds of an event's notifications that a socket received, in order. */
export const noticesOf = (socket: SocketClient, eventId: string): string[] =>
  socket.received.flatMap((m) => (m.type === 'notification' && m.eventId === eventId ? [m.kind] : []))

/** The attendees and the waitlist of an event, in order of arrival. */
export const attendeesOf = ({ deps }: RunningServer, eventId: string) =>
  deps.db
    .select()
    .from(eventAttendees)
    .where(eq(eventAttendees.eventId, eventId))
    .orderBy(eventAttendees.position)
