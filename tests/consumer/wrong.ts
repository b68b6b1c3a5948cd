import { createClient, isRefused, type Reason } from '@coworkspace/client'

const client = createClient({ url: 'https://book.example.com' })

createClient({}) // refused: no address
client.slots.hold.mutate({ slot: 'x' }) // refused: no such field
client.slots.hold.mutate({ slotId: 9 }) // refused: another type
client.slots.hold.query({ slotId: 'x' }) // refused: it is a mutation
client.slots.steal.mutate({ slotId: 'x' }) // refused: no such procedure
client.spaces.list.query({ kind: 'sauna' }) // refused: none of the kinds
client.slots.day.query({ spaceId: 'x', date: '2027-01-04' }).then((board) => board.rows) // refused: no such output
client.bookings.byId.query({ id: 'x' }).then(({ status }) => status === 'lost') // refused: no such status
client.watchBoard('a space', '2027-01-04', (board) => board.slots[0].colour) // refused: no such field of a slot
client.watchBoard('a space', (board: unknown) => board) // refused: no date
client.watchBoard({ spaceId: 'x', specialistId: 'y', date: '2027-01-04' }, () => {}) // refused: of one or the other
client.watchLocation('a place', () => {}) // refused: not by itself
client.watchLocation({ locationId: 'x' }, ({ people }) => people) // refused: no such half
isRefused(new Error(), 'SLOT_TOKEN') // refused: no such reason
export const reason: Reason = 'BECAUSE' // refused: no such reason
