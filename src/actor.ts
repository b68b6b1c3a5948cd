import type { Role } from './schemas/users'

export type { Role }

export type UserActor = {
  kind: 'user'
  id: string
  role: Role
  /** Session of the access token. */
  sessionId?: string
}
export type Actor = { kind: 'anonymous' } | UserActor | { kind: 'clock' } | { kind: 'payment' }
