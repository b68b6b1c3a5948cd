import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import type { RunningServer } from '../src/server'
import { letPass, makeSpecialist, stopAndCountDeadlocks } from './support/specialists'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  type TestPerson,
} from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ env: { DATABASE_POOL: '20', MAX_HOLDS_PER_PERSON: '100' } })
})
afterAll(stopTestServers)

/** Books a space or a service and completes the booking. */
async function takePlace(person: TestPerson, wish: { spaceId: string } | { serviceId: string }, hour = 9) {
  const client = clientOf(server, person)
  const { id } = await client.bookings.create.mutate({ ...wish, startsAt: at(hour) })
  await client.bookings.confirm.mutate({ id })
  await letPass(server, id)
  return clientOf(server, await makePerson(server, 'admin')).bookings.complete.mutate({ id })
}

test('a completed booking is reviewed once, and the review can be edited for a day', async () => {
  const space = await makeSpace(server)
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const client = clientOf(server, ada)
  const booking = await takePlace(ada, { spaceId: space.id })
  const coming = await client.bookings.create.mutate({ spaceId: space.id, startsAt: at(12) })

  expect(await reasonOf(client.reviews.create.mutate({ bookingId: coming.id, rating: 5 }))).toBe(
    'INVALID_STATE',
  )
  expect(
    await reasonOf(clientOf(server, bob).reviews.create.mutate({ bookingId: booking.id, rating: 1 })),
  ).toBe('NOT_FOUND')
  expect(await reasonOf(clientOf(server).reviews.create.mutate({ bookingId: booking.id, rating: 1 }))).toBe(
    'NOT_SIGNED_IN',
  )
  for (const rating of [0, 6, 2.5])
    expect(await reasonOf(client.reviews.create.mutate({ bookingId: booking.id, rating: rating as 5 }))).toBe(
      'VALIDATION',
    )
  const review = await client.reviews.create.mutate({ bookingId: booking.id, rating: 4, comment: 'Quiet' })
  expect(review).toMatchObject({
    bookingId: booking.id,
    spaceId: space.id,
    specialistId: null,
    rating: 4,
    comment: 'Quiet',
  })
  const { items } = await client.reviews.list.query({ bookingId: booking.id })
  expect(items.map(({ id }) => id)).toEqual([review.id])
  expect(await reasonOf(client.reviews.create.mutate({ bookingId: booking.id, rating: 5 }))).toBe(
    'ALREADY_REVIEWED',
  )
  expect(await client.spaces.byId.query({ id: space.id })).toMatchObject({ rating: 4, reviewCount: 1 })

  expect(await client.reviews.update.mutate({ id: review.id, rating: 2 })).toEqual({ ...review, rating: 2 })
  expect(await client.reviews.update.mutate({ id: review.id, comment: null })).toMatchObject({
    rating: 2,
    comment: null,
  })
  expect(await client.spaces.byId.query({ id: space.id })).toMatchObject({ rating: 2, reviewCount: 1 })
  expect(await reasonOf(clientOf(server, bob).reviews.update.mutate({ id: review.id, rating: 5 }))).toBe(
    'NOT_FOUND',
  )
  await server.deps.db.execute(
    sql`UPDATE reviews SET created_at = clock_timestamp() - interval '24 hours 1 second' WHERE id = ${review.id}`,
  )
  expect(await reasonOf(client.reviews.update.mutate({ id: review.id, rating: 5 }))).toBe('TOO_LATE')
})

test('a review of a service rates its specialist, who can reply in public', async () => {
  const { client, service, specialist, locationId } = await makeSpecialist(server, {
    service: { needsRoom: true },
  })
  const space = await makeSpace(server, { locationId, kind: 'meeting_room' })
  const ada = await makePerson(server)
  const booking = await takePlace(ada, { serviceId: service.id })
  const { id } = await clientOf(server, ada).reviews.create.mutate({ bookingId: booking.id, rating: 5 })
  expect(await client.specialists.byId.query({ id: specialist.id })).toMatchObject({
    rating: 5,
    reviewCount: 1,
  })
  expect(await client.spaces.byId.query({ id: space.id })).toMatchObject({ rating: null, reviewCount: 0 })
  expect((await client.specialists.list.query({ locationId, minRating: 4.5 })).items).toMatchObject([
    { id: specialist.id },
  ])

  const other = (await makeSpecialist(server)).client
  expect(await reasonOf(other.reviews.answer.mutate({ id, answer: 'Thanks' }))).toBe('NOT_ALLOWED')
  expect(await reasonOf(clientOf(server, ada).reviews.answer.mutate({ id, answer: 'Thanks' }))).toBe(
    'NOT_ALLOWED',
  )
  expect(await reasonOf(client.reviews.answer.mutate({ id, answer: ' \n ' }))).toBe('VALIDATION')
  const inLines = 'Thank you.\nDo come again.'
  expect(await client.reviews.answer.mutate({ id, answer: inLines })).toMatchObject({ answer: inLines })
  expect(await client.reviews.answer.mutate({ id, answer: 'Thank you' })).toMatchObject({
    answer: 'Thank you',
  })
  expect((await clientOf(server).reviews.list.query({ specialistId: specialist.id })).items).toMatchObject([
    { id, rating: 5, answer: 'Thank you', hiddenReason: null },
  ])
})

test('specialists cannot review their own services', async () => {
  const { person, client, service, specialist } = await makeSpecialist(server)
  const booking = await takePlace(person, { serviceId: service.id })
  expect(await reasonOf(client.reviews.create.mutate({ bookingId: booking.id, rating: 5 }))).toBe(
    'NOT_ALLOWED',
  )
  expect(await client.specialists.byId.query({ id: specialist.id })).toMatchObject({ reviewCount: 0 })
})

test('a hidden review is out of the list and the average until it is shown again', async () => {
  const space = await makeSpace(server, { units: 2 })
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const admin = clientOf(server, await makePerson(server, 'admin'))
  const made = []
  for (const [person, rating] of [
    [ada, 5],
    [bob, 1],
  ] as const) {
    const { id: bookingId } = await takePlace(person, { spaceId: space.id })
    made.push(await clientOf(server, person).reviews.create.mutate({ bookingId, rating }))
  }
  const [, bad] = made
  const id = bad?.id ?? ''
  const rating = async () => {
    const { rating, reviewCount } = await admin.spaces.byId.query({ id: space.id })
    return [rating, reviewCount]
  }
  expect(await rating()).toEqual([3, 2])
  expect(await reasonOf(clientOf(server, ada).reviews.hide.mutate({ id, reason: 'I do not like it' }))).toBe(
    'NOT_ALLOWED',
  )
  expect(await reasonOf(clientOf(server, ada).reviews.hidden.query({}))).toBe('NOT_ALLOWED')
  expect(await admin.reviews.hide.mutate({ id, reason: 'Names a person' })).toMatchObject({
    hiddenReason: 'Names a person',
  })
  await admin.reviews.hide.mutate({ id, reason: 'Names a person twice' })
  expect(await rating()).toEqual([5, 1])
  expect((await clientOf(server).reviews.list.query({ spaceId: space.id })).items).toMatchObject([
    { rating: 5 },
  ])
  expect((await admin.reviews.hidden.query({ spaceId: space.id })).items).toMatchObject([
    { id, hiddenReason: 'Names a person twice' },
  ])
  // The author may still edit it, but it does not count while it is hidden.
  await clientOf(server, bob).reviews.update.mutate({ id, rating: 3 })
  expect(await rating()).toEqual([5, 1])
  await admin.reviews.show.mutate({ id })
  expect(await rating()).toEqual([4, 2])
})

test('averages and counts stay right under concurrent reviews, edits and deletions', async () => {
  const count = process.env.PROVE === '1' ? 100 : 20
  const { service, specialist, locationId } = await makeSpecialist(server, {
    service: { durationMinutes: 5 },
  })
  const space = await makeSpace(server, { locationId, units: 100 })
  const admin = clientOf(server, await makePerson(server, 'admin'))
  const people = await Promise.all(Array.from({ length: count }, () => makePerson(server)))
  const past = await Promise.all(
    people.flatMap((person, index) => [
      takePlace(person, { spaceId: space.id }).then((booking) => ({ person, booking })),
      takePlace(person, { serviceId: service.id }, index / 12).then((booking) => ({ person, booking })),
    ]),
  )
  const reasons = await Promise.all(
    past.map(async ({ person, booking }, index) => {
      const client = clientOf(server, person)
      const rating = ((index % 5) + 1) as 1
      const twice = await Promise.all(
        [1, 2].map(() => reasonOf(client.reviews.create.mutate({ bookingId: booking.id, rating }))),
      )
      const [review] = await server.deps.db.execute<{ id: string }>(
        sql`SELECT id FROM reviews WHERE booking_id = ${booking.id}`,
      )
      const id = review?.id ?? Bun.randomUUIDv7()
      return [
        ...twice,
        index % 3 === 0 && (await reasonOf(client.reviews.update.mutate({ id, rating: 3 }))),
        index % 4 === 0 && (await reasonOf(admin.reviews.hide.mutate({ id, reason: 'A test' }))),
        index % 8 === 0 && (await reasonOf(admin.reviews.show.mutate({ id }))),
        index % 10 === 9 && (await reasonOf(client.auth.deleteMe.mutate())),
      ]
    }),
  )
  // One of two concurrent reviews succeeds; a deleted user has nothing to review.
  const counted = Map.groupBy(reasons.flat().filter(Boolean), (reason) => reason)
  expect(counted.get('ALREADY_REVIEWED')?.length).toBeGreaterThan(count)
  const expected = ['ALREADY_REVIEWED', 'NOT_FOUND', 'NOT_SIGNED_IN', 'was not refused']
  expect([...counted.keys()].filter((reason) => !expected.includes(String(reason)))).toEqual([])
  const [truth] = await server.deps.db.execute<Record<string, number>>(sql`
    SELECT count(*) FILTER (WHERE space_id = ${space.id})::integer AS of_space, coalesce(sum(rating) FILTER (WHERE space_id = ${space.id}), 0)::integer AS sum_space,
      count(*) FILTER (WHERE specialist_id = ${specialist.id})::integer AS of_specialist,
      coalesce(sum(rating) FILTER (WHERE specialist_id = ${specialist.id}), 0)::integer AS sum_specialist
    FROM reviews WHERE hidden_at IS NULL`)
  const [kept] = await server.deps.db.execute<Record<string, number>>(sql`
    SELECT s.review_count AS of_space, s.rating_sum AS sum_space, p.review_count AS of_specialist, p.rating_sum AS sum_specialist
    FROM spaces s, specialists p WHERE s.id = ${space.id} AND p.id = ${specialist.id}`)
  expect(kept).toEqual(truth)
  expect(kept?.of_space).toBeWithin(count / 3, count + 1)
  expect(await stopAndCountDeadlocks(server)).toBe(0)
})
