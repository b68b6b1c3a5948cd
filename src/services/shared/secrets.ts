import { createHash, randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'

export const createSecret = (bytes = 24): string => randomBytes(bytes).toString('base64url')

/** Only the hash of a secret is stored. A fast hash is enough, because the secret is too long to guess. */
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex')

/** Creates a secret to return once, and the columns that replace the stored one. */
export function renewSecret() {
  const secret = createSecret()
  return { secret, kept: { secretHash: hashSecret(secret), createdAt: sql`now()` } }
}
