import { followBoard, isOfDay } from '../../src/realtime/follow-board'
import type { Board, BoardMessage, ServerMessage, Slot } from './api'
import { type Day, idOf, isBooking } from './connection'

/** Something that is kept true by messages. */
export type Live<View> = {
  /** As this person sees it; undefined before it first came. */
  view(): View | undefined
  /** True where something newer is known of than is shown. */
  behind(): boolean
  /** The whole of it is asked for. */
  asked(): void
  /** @returns whether there is something new to show, and whether it was the whole; nothing where it is about something else */
  take(message: ServerMessage): { changed: boolean; whole: boolean } | undefined
  /** Something of this person's has changed, as a call answered or the server told. @returns whether there is something new to show */
  mark(answer: unknown): boolean
  /** Whoever was signed in is no longer. */
  forgetMarks(): void
}

/**
 * A board with the slots that this person holds. What is pushed goes to everybody and marks nothing, so marks come from
 * boards that this person asked for, and from the person's own bookings.
 */
export function createLiveBoard(day: Day): Live<Board> {
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
    asked() {},
    view() {
      const board = follower.board()
      return board && { ...board, slots: board.slots.map((slot) => ({ ...slot, heldByMe: isMine(slot) })) }
    },
    take(message) {
      if (!isBoardMessage(message) || (message.spaceId ?? message.specialistId) !== idOf(day))
        return undefined
      const changed = follower.take(message)
      const whole = message.type === 'slots_status_update' && isOfDay(message, day)
      if (whole && message.requestId !== undefined && changed) {
        marked = new Set(message.slots.filter(({ heldByMe }) => heldByMe).map(({ id }) => id))
        held.clear()
      }
      return { changed, whole }
    },
    mark(answer) {
      if (!isBooking(answer)) return false
      const { id, status, startsAt, endsAt } = answer
      const isHere = (day.spaceId === undefined ? answer.specialistId : answer.spaceId) === idOf(day)
      const before = held.delete(id)
      if (isHere) {
        for (const slot of follower.board()?.slots ?? []) {
          if (startsAt < slot.endsAt && slot.startsAt < endsAt) marked.delete(slot.id)
        }
        if (status === 'held') held.set(id, { startsAt, endsAt })
      }
      return before || isHere
    },
    forgetMarks() {
      marked.clear()
      held.clear()
    },
  }
}

const isBoardMessage = (message: ServerMessage): message is BoardMessage =>
  message.type === 'slot_update' || message.type === 'slots_status_update' || message.type === 'board_version'
