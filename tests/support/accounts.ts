import { eq } from 'drizzle-orm'
import { systemContext } from '../../src/context'
import { users } from '../../src/db/schema'
import { userView } from '../../src/schemas/users'
import type { RunningServer } from '../../src/server'
import { hashPassword } from '../../src/services/accounts/accounts'
import { startSession } from '../../src/services/accounts/sessions'
import { makePerson } from './world'

export const password = 'a-long-passphrase'
let hash: Promise<string> | undefined

export const newEmail = () => `ada-${Bun.randomUUIDv7()}@example.com`

/** Creates a user with `password` or the given hash. Hashing is slow, so it is done once. */
export async function makeAccount(server: RunningServer, passwordHash?: string) {
  hash ??= hashPassword(password)
  const person = await makePerson(server)
  await server.deps.db
    .update(users)
    .set({ passwordHash: passwordHash ?? (await hash) })
    .where(eq(users.id, person.id))
  return person
}

/** Starts a session as sign-in does, without the slow password check. */
export async function startSessionOf({ deps }: RunningServer, person: { id: string }, platform?: string) {
  const [user] = await deps.db.select().from(users).where(eq(users.id, person.id))
  if (!user) throw new Error('the user does not exist')
  const pair = await startSession(systemContext(deps, 'clock'), deps.db, user, {
    ...(platform && { platform, device: platform }),
  })
  return { user: userView(user), ...pair }
}
