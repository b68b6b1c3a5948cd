import { createClient, isRefused, type Reason } from '@coworkspace/client'

const client = createClient({ url: 'https://book.example.com' })

createClient({}) // refused: the url is missing
client.slots.hold.mutate({ slot: 'x' }) // refused: unknown field
client.slots.hold.mutate({ slotId: 9 }) // refused: wrong type
client.slots.hold.query({ slotId: 'x' }) // refused: it is a mutation
client.slots.steal.mutate({ slotId: 'x' }) // refused: unknown procedure
client.spaces.list.query({ kind: 'sauna' }) // refused: unknown kind
client.slots.day.query({ spaceId: 'x', date: '2027-01-04' }).then((board) => board.rows) // refused: unknown output field
client.bookings.byId.query({ id: 'x' }).then(({ status }) => status === 'lost') // refused: unknown status
client.watchBoard('a space', '2027-01-04', (board) => board.slots[0].colour) // refused: unknown field of a slot
client.watchBoard('a space', (board: unknown) => board) // refused: the date is missing
client.watchBoard({ spaceId: 'x', specialistId: 'y', date: '2027-01-04' }, () => {}) // refused: not both
client.watchLocation('a location', () => {}) // refused: needs an object
client.watchLocation({ locationId: 'x' }, ({ people }) => people) // refused: unknown field
isRefused(new Error(), 'SLOT_TOKEN') // refused: unknown reason
export const reason: Reason = 'BECAUSE' // refused: unknown reason
