import { createClient, isRefused, keepTokens } from '@coworkspace/client'

/** Registers, watches a board and books one of its slots. Runs unchanged in every runtime. */
export async function bookAndWatch(url, spaceId, date, slotId, email, live) {
  const client = createClient({ url, live, ...keepTokens() })
  await client.auth.register.mutate({ email, password: 'a-long-passphrase', name: 'Ada' })

  const seen = []
  // A board may be shown twice in one state, and a second booking would be refused.
  const hold = once(() => client.slots.hold.mutate({ slotId }))
  const book = once(() => client.slots.book.mutate({ slotId }))
  const booked = new Promise((resolve, reject) => {
    client.watchBoard(spaceId, date, (board, { live, via }) => {
      const { status, heldByMe } = board.slots.find(({ id }) => id === slotId)
      seen.push({ status, heldByMe, live, via })
      if (status === 'free') hold().catch(reject)
      if (status === 'held' && heldByMe) book().catch(reject)
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

function once(call) {
  let answer
  return () => {
    answer ??= call()
    return answer
  }
}
