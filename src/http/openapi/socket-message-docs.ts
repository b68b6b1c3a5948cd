import type { ClientMessage, ServerMessage } from '../../schemas/socket-messages'

/** What each message is for: the page of the socket's messages says this of them. */
export const MESSAGE_NOTES: Record<ClientMessage['type'] | ServerMessage['type'], string> = {
  join_space: 'Watch the day of a space: the whole board comes at once, its changes as they happen.',
  leave_space: 'Watch a space no longer.',
  join_specialist: 'Watch the day of a specialist, in the slots of one service where it is named.',
  leave_specialist: 'Watch a specialist no longer.',
  slot_hold: 'Hold a slot by its id, or a time by its space, start and end. Needs a person.',
  slot_release: 'Give a hold back, by its slot or by its booking. Needs a person.',
  join_location: 'Watch who is at a location and which events are coming. Without a person nobody is named.',
  leave_location: 'Watch a location no longer.',
  authenticate: 'Say who is there, or renew the access token before it ends.',
  connection_confirmed: 'The first message of every connection.',
  joined_space: 'The answer to `join_space`; the board follows.',
  left_space: 'The answer to `leave_space`.',
  joined_specialist: 'The answer to `join_specialist`; the board follows.',
  left_specialist: 'The answer to `leave_specialist`.',
  hold_confirmed: 'The answer to `slot_hold`.',
  hold_released: 'The answer to `slot_release`.',
  authenticated: 'The answer to `authenticate`.',
  error: 'What was asked is refused, and why. The socket stays open unless it is abuse.',
  slot_update:
    'Slots changed. It carries a board from `fromVersion` to `version`; where the last version seen is another, a message was missed: join again.',
  slots_freed: 'Expired holds were freed: a notice beside the `slot_update`, without a version.',
  board_version: 'Every sweep, for each space that is watched: where it is ahead of the board, join again.',
  slots_status_update:
    'The whole board: the answer to `join_space`, and again when hours, prices or closures change.',
  booking_update: "A booking of one's own has changed, whoever changed it.",
  event_update:
    'One attends an event, waits for a place or does so no longer, by oneself, on whichever device.',
  initial:
    'The answer to `join_location`: who is there and what is coming, with the version of both. It comes again after `authenticate`.',
  left_location: 'The answer to `leave_location`.',
  check_ins:
    'Who is at the location now, as a whole. It moves the version by one; where the last one seen was another, join again.',
  events:
    'Which events are coming, as a whole: the next 100. It moves the version by one. `mine` is told only in answers to oneself.',
  location_version:
    'Every sweep, for each location that is watched: where it is ahead of the last one seen, join again.',
  notification: 'Something that one should hear of, in words.',
  notifications_unread: 'How many notifications are unread: after each that comes, and after any were read.',
  payment_update: "A payment of one's own has changed: it was paid, declined, ended or given back.",
  announcement: 'An operator speaks to everyone.',
  server_closing: 'The server stops as planned: connect again after so many seconds.',
}
