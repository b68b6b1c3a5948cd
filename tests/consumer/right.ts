import {
  type Board,
  type Booking,
  type Client,
  createClient,
  type Inputs,
  isRefused,
  keepTokens,
  type Outputs,
  type Reason,
  type ServerMessage,
} from '@coworkspace/client'

const client: Client = createClient({ url: 'https://book.example.com', ...keepTokens() })

export async function bookFirstFree(spaceId: string, date: string): Promise<Booking | undefined> {
  const board: Board = await client.slots.day.query({ spaceId, date })
  const slot = board.slots.find(({ status }) => status === 'free')
  if (!slot) return undefined
  const price: number = slot.priceMinor
  try {
    const hold = await client.slots.hold.mutate(
      { slotId: slot.id },
      { context: { idempotencyKey: `order ${price}` } },
    )
    const until: string | null = hold.holdExpiresAt
    return until ? await client.slots.book.mutate({ slotId: slot.id }) : hold
  } catch (error) {
    if (isRefused(error, 'SLOT_TAKEN', 'HOLD_EXPIRED')) {
      const reason: 'SLOT_TAKEN' | 'HOLD_EXPIRED' = error.data.reason
      throw new Error(`${reason}, request ${error.data.requestId}`)
    }
    throw error
  }
}

export const watch = client.watchBoard('a space', '2027-01-04', (board, { live, via }) => {
  const version: number = board.version
  const way: 'socket' | 'events' | null = via
  console.log(version, live, way)
})

export const day = client.watchBoard(
  { specialistId: 'a specialist', date: '2027-01-04' },
  ({ slots }) => slots.length,
)
export const location = client.watchLocation(
  { locationId: 'a location' },
  ({ checkIns, events }, { live }) => {
    const names: (string | undefined)[] = checkIns.map(({ person }) => person?.name)
    const mine: 'attending' | 'held' | 'waiting' | null | undefined = events[0]?.mine
    console.log(names, mine, live)
  },
)

export const subscription = client.realtime.watch.subscribe(
  { spaceId: 'a space', date: '2027-01-04' },
  {
    onData: ({ id, data }) => console.log(id.length, data.type === 'slot_update' ? data.cause : data.version),
  },
)

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
export const sameBooking: Same<Outputs['bookings']['byId'], Booking> = true
export const holdInput: Inputs['slots']['hold'] = { slotId: 'a slot' }
export const words: Partial<Record<Reason, string>> = { SLOT_TAKEN: 'This time was just taken.' }
export const kinds = (message: ServerMessage) => (message.type === 'slots_freed' ? message.slotIds : [])
