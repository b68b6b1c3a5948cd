import { followBoard } from '../../src/realtime/follow'
import type { Board, BoardMessage, Booking, Slot } from './api'
import type { Day } from './connection'

export type LiveBoard = {
  /** The board as this person sees it; undefined before the first came. */
  board(): Board | undefined
  behind(): boolean
  /** @returns whether there is something new to show */
  take(message: BoardMessage): boolean
  /** A booking of this person changed. @returns whether there is something new to show */
  mark(booking: Booking): boolean
  /** Whoever was signed in is no longer. */
  forgetMarks(): void
}

/**
 * A board with the slots that this person holds. What is pushed goes to everybody and marks nothing, so marks come from
 * boards that this person asked for, and from the person's own bookings.
 */
export function createLiveBoard(day: Day): LiveBoard {
  const follower = followBoard(day)
  const held = new Map<string, { startsAt: string; endsAt: string }>()
  let marked = new Set<string>()

  // The news that a hold has become a booking, or has ended, may come after the change of the slot.
  const isMine = (slot: Slot) =>
    slot.status !== 'booked' &&
    slot.free < slot.units &&
    (marked.has(slot.id) ||
      [...held.values()].some(({ startsAt, endsAt }) => startsAt < slot.endsAt && slot.startsAt < endsAt))

  return {
    behind: follower.behind,
    board() {
      const board = follower.board()
      return board && { ...board, slots: board.slots.map((slot) => ({ ...slot, heldByMe: isMine(slot) })) }
    },
    take(message) {
      const changed = follower.take(message)
      const asked = message.type === 'slots_status_update' && message.requestId !== undefined
      if (asked && changed) {
        marked = new Set(message.slots.filter(({ heldByMe }) => heldByMe).map(({ id }) => id))
        held.clear()
      }
      return changed
    },
    mark({ id, spaceId, status, startsAt, endsAt }) {
      const before = held.delete(id)
      if (spaceId === day.spaceId) {
        for (const slot of follower.board()?.slots ?? []) {
          if (startsAt < slot.endsAt && slot.startsAt < endsAt) marked.delete(slot.id)
        }
        if (status === 'held') held.set(id, { startsAt, endsAt })
      }
      return before || spaceId === day.spaceId
    },
    forgetMarks() {
      marked.clear()
      held.clear()
    },
  }
}
