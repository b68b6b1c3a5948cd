import type { Role } from './shapes/users'

export type { Role }

/** Who acts: a person, nobody in particular, or a part of the system itself. */
export type Person = { kind: 'person'; id: string; role: Role }
export type Actor = { kind: 'anonymous' } | Person | { kind: 'clock' } | { kind: 'payment' }
