import { createClient, isRefused, keepTokens } from '@coworkspace/client'

/** Opens an account, watches a board, and books its slot: the same in every runtime. */
export async function bookAndWatch(url, spaceId, date, slotId, email, live) {
  const client = createClient({ url, live, ...keepTokens() })
  await client.auth.register.mutate({ email, password: 'a-long-passphrase', name: 'Ada' })

  const seen = []
  const booked = new Promise((resolve) => {
    client.watchBoard(spaceId, date, (board, { live, via }) => {
      const { status, heldByMe } = board.slots.find(({ id }) => id === slotId)
      seen.push({ status, heldByMe, live, via })
      if (status === 'free') client.slots.hold.mutate({ slotId }).catch(ignoreTaken)
      if (status === 'held' && heldByMe) client.slots.book.mutate({ slotId }).catch(() => {})
      if (status === 'booked') resolve()
    })
  })
  await booked
  client.close()
  const { items } = await client.bookings.list.query({})
  const second = await client.slots.hold.mutate({ slotId }).catch((error) => error)
  return {
    bookings: items.map(({ status, startsAt }) => ({ status, startsAt })),
    first: seen[0],
    last: seen.at(-1),
    refused: isRefused(second, 'SLOT_TAKEN'),
  }
}

/** It may be held already, by the hold before: the board was shown twice. */
function ignoreTaken(error) {
  if (!isRefused(error, 'SLOT_TAKEN')) throw error
}
