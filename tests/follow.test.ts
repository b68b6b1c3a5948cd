import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { followBoard } from '../src/realtime/follow-board'
import type { Board, Slot } from '../src/schemas/slots'
import type { BoardMessage } from '../src/schemas/socket-messages'
import { seed } from './support/proof'
import { at, testDate } from './support/world'

const spaceId = '019a7d3e-5b1c-7c00-8000-000000000001'
const HOURS = 6

const slotAt = (hour: number, version: number): Slot => ({
  id: `${spaceId}@${at(hour)}`,
  startsAt: at(hour),
  endsAt: at(hour + 1),
  status: 'free',
  reason: null,
  free: version,
  units: 1000,
  taken: 0,
  heldByMe: false,
  priceMinor: 0,
  currency: 'EUR',
})

/** Versions of one calendar. Each changes some slots of this day or the next, or the whole board. */
const history = fc.array(fc.record({ hours: fc.uniqueArray(fc.nat(HOURS * 2 - 1)), whole: fc.boolean() }), {
  minLength: 1,
  maxLength: 12,
})

function play(changes: { hours: number[]; whole: boolean }[]): {
  boards: Board[]
  messages: BoardMessage[]
} {
  let slots = Array.from({ length: HOURS }, (_, hour) => slotAt(hour, 0))
  const boardOf = (version: number): Board => ({
    spaceId,
    specialistId: null,
    date: testDate,
    timeZone: 'UTC',
    version,
    slots,
  })
  const boards = [boardOf(0)]
  const messages = changes.map(({ hours, whole }, index): BoardMessage => {
    const version = index + 1
    slots = slots.map((slot, hour) => (whole || hours.includes(hour) ? slotAt(hour, version) : slot))
    boards.push(boardOf(version))
    const changed = hours.map((hour) => slotAt(hour, version))
    if (whole) return { type: 'slots_status_update', ...boardOf(version) }
    const timestamp = at(0)
    return {
      type: 'slot_update',
      spaceId,
      fromVersion: index,
      version,
      slots: changed,
      cause: 'held',
      timestamp,
    }
  })
  return { boards, messages }
}

test('a follower shows the board of its version or knows that it is behind', () => {
  fc.assert(
    fc.property(
      history.chain((changes) =>
        fc.record({
          changes: fc.constant(changes),
          start: fc.nat(changes.length),
          order: fc.array(fc.nat(changes.length - 1), { maxLength: 30 }),
        }),
      ),
      ({ changes, start, order }) => {
        const { boards, messages } = play(changes)
        const follower = followBoard({ spaceId, date: testDate })
        const [whole] = boards.slice(start)
        if (whole) follower.take({ type: 'slots_status_update', ...whole })
        for (const index of order) {
          const message = messages[index]
          if (message) follower.take(message)
          expect(follower.board()).toEqual(boards[follower.board()?.version ?? -1])
        }
        follower.take({ type: 'board_version', spaceId, version: changes.length })
        expect(follower.behind()).toBe(follower.board()?.version !== changes.length)
      },
    ),
    { seed, numRuns: 500 },
  )
})

test('a follower that gets every message in any order ends up to date', () => {
  fc.assert(
    fc.property(
      history.chain((changes) =>
        fc.record({
          changes: fc.constant(changes),
          order: fc.shuffledSubarray([...changes.keys()], { minLength: changes.length }),
          boardIndex: fc.nat(changes.length),
        }),
      ),
      ({ changes, order, boardIndex }) => {
        const { boards, messages } = play(changes)
        const follower = followBoard({ spaceId, date: testDate })
        const received = order.flatMap((index) => messages[index] ?? [])
        const first: BoardMessage = { type: 'slots_status_update', ...(boards[0] as Board) }
        for (const message of received.toSpliced(boardIndex, 0, first)) follower.take(message)
        expect(follower.behind()).toBe(false)
        expect(follower.board()).toEqual(boards.at(-1))
      },
    ),
    { seed, numRuns: 500 },
  )
})
