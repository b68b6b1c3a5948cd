import type { ServerMessage } from './api'

const PERSONAL = [
  'booking_update',
  'event_update',
  'payment_update',
  'notification',
  'notifications_unread',
  'announcement',
] as const satisfies ServerMessage['type'][]

export type PersonalMessage = Extract<ServerMessage, { type: (typeof PERSONAL)[number] }>

export type OnPersonal = {
  onMessage(message: PersonalMessage): void
  /** Listening starts or resumes. Earlier messages were missed. */
  onReady?(): void
}

export const isPersonal = (message: ServerMessage): message is PersonalMessage =>
  PERSONAL.some((type) => type === message.type)
