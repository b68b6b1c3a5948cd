import type { ClientMessage, ServerMessage } from '../../schemas/socket-messages'

/** Summaries of the socket messages, shown on their reference page. */
export const MESSAGE_NOTES: Record<ClientMessage['type'] | ServerMessage['type'], string> = {
  join_space: 'Watch a day of a space. The whole board follows, then its changes.',
  leave_space: 'Stop watching a space.',
  join_specialist: 'Watch a day of a specialist, with `serviceId` in the slots of this service.',
  leave_specialist: 'Stop watching a specialist.',
  slot_hold: 'Hold a slot by its id, or a time by space, start and end. Requires an access token.',
  slot_release: 'Release a hold by its slot or its booking. Requires an access token.',
  join_location: 'Watch check-ins and coming events of a location. Names are sent only with an access token.',
  leave_location: 'Stop watching a location.',
  authenticate: 'Sign in on this socket, or renew the access token before it expires.',
  connection_confirmed: 'First message of every connection.',
  joined_space: 'Response to `join_space`; the board follows.',
  left_space: 'Response to `leave_space`.',
  joined_specialist: 'Response to `join_specialist`; the board follows.',
  left_specialist: 'Response to `leave_specialist`.',
  hold_confirmed: 'Response to `slot_hold`.',
  hold_released: 'Response to `slot_release`.',
  authenticated: 'Response to `authenticate`.',
  error: 'A message was refused. The socket stays open unless this happens too often.',
  slot_update:
    'Changed slots. Takes a board from `fromVersion` to `version`. If the board has another version, a message was missed: join again.',
  slots_freed: 'Slots freed by expired holds, in addition to `slot_update`. Carries no version.',
  board_version:
    'Sent at each sweep for every watched calendar. If `version` is ahead of the board, join again.',
  slots_status_update:
    'The whole board. Follows `joined_space` and `joined_specialist`, and is sent again when hours, prices or closures change.',
  booking_update: 'A booking of the user, or with the user as specialist, has changed.',
  event_update: 'The user has joined or left an event or its waiting list, on any device.',
  initial:
    'Response to `join_location`: check-ins and coming events with their common version. Sent again after `authenticate`.',
  left_location: 'Response to `leave_location`.',
  check_ins:
    'All check-ins at the location, with its new version. If the version rises by more than one, a message was missed: join again.',
  events:
    'The next 100 events at the location, with its new version; `mine` is always null. If the version rises by more than one, a message was missed: join again.',
  location_version:
    'Sent at each sweep for every watched location. If `version` is ahead of the last one received, join again.',
  notification: 'A new notification for the user.',
  notifications_unread:
    'Number of unread notifications. Sent after each new notification, and when any are marked as read.',
  payment_update: 'A payment of the user was paid, declined, cancelled or refunded.',
  announcement: 'A message from an admin to all sockets.',
  server_closing: 'The server is shutting down. Reconnect after `reconnectInSeconds`.',
}
