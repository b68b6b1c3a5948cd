import { createHash, randomBytes } from 'node:crypto'
import { sql } from 'drizzle-orm'

/** A secret that is shown once, in letters that an address may have. */
export const createSecret = (bytes = 24): string => randomBytes(bytes).toString('base64url')

/** What of a secret is stored, so that whoever reads it there has nothing. It is too long to be guessed, so a quick hash will do. */
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex')

/** A secret to be shown this once, and the columns that keep it from now on in place of the one before. */
export function renewSecret() {
  const secret = createSecret()
  return { secret, kept: { secretHash: hashSecret(secret), createdAt: sql`now()` } }
}
