import type { Role } from './schemas/users'

export type { Role }

/** Who acts: a person, nobody in particular, or a part of the system itself. */
export type UserActor = {
  kind: 'user'
  id: string
  role: Role
  /** The sign-in that the access token came from. */
  sessionId?: string
}
export type Actor = { kind: 'anonymous' } | UserActor | { kind: 'clock' } | { kind: 'payment' }
