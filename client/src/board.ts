import { followBoard, isOfDay } from '../../src/realtime/follow-board'
import type { Board, BoardMessage, ServerMessage, Slot } from './api'
import { type Day, idOf, isBooking } from './connection'

/** A view of a board or a location that messages keep up to date. */
export type Live<View> = {
  /** The view with the user's own marks; undefined before it first arrived. */
  view(): View | undefined
  behind(): boolean
  onRequest(): void
  /** @returns whether the view changed and whether the message was a whole view; undefined if it is about something else */
  take(message: ServerMessage): { changed: boolean; whole: boolean } | undefined
  /** Applies the user's own change, as a mutation returned it or a message reported it. @returns whether the view changed */
  mark(answer: unknown): boolean
  forgetMarks(): void
}

/**
 * A board with the slots that the user holds. Pushed messages are the same for all users, so the marks come from boards that
 * this user requested and from the user's own bookings.
 */
export function createLiveBoard(day: Day): Live<Board> {
  const follower = followBoard(day)
  const held = new Map<string, { startsAt: string; endsAt: string }>()
  let marked = new Set<string>()

  // The message that a hold was booked or has ended may arrive after the change of the slot.
  const isMine = (slot: Slot) =>
    slot.status !== 'booked' &&
    slot.free < slot.units &&
    (marked.has(slot.id) ||
      [...held.values()].some(({ startsAt, endsAt }) => startsAt < slot.endsAt && slot.startsAt < endsAt))

  return {
    behind: follower.behind,
    onRequest() {},
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
