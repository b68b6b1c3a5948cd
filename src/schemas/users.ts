import { z } from 'zod'
import { FEED_KINDS, type UserRow } from '../db/schema/users'
import { iso } from '../lib/time'
import { Id, InstantOut } from './common'

export const RoleSchema = z.enum(['customer', 'specialist', 'admin'])
export type Role = z.infer<typeof RoleSchema>
/** Checks the length first: no pattern should run on a megabyte. */
export const EmailSchema = z
  .string()
  .max(254, { abort: true })
  .email()
  .toLowerCase()
  .meta({ example: 'ada@example.com' })
export const NewPassword = z.string().min(8).max(200).meta({ example: 'a-long-passphrase' })
export const LanguageSchema = z.enum(['en', 'it', 'fr'])

export const UserSchema = z
  .object({
    id: Id,
    email: z.string().nullable(),
    name: z.string(),
    role: RoleSchema,
    language: LanguageSchema,
    hidden: z
      .boolean()
      .meta({ description: 'Whether the name is left out of check-ins and attendee lists.' }),
    createdAt: InstantOut,
  })
  .meta({ id: 'User' })
export type User = z.infer<typeof UserSchema>

export const SignedInSchema = z
  .object({
    user: UserSchema,
    accessToken: z.string(),
    refreshToken: z.string(),
    expiresIn: z.int().meta({ description: 'Seconds until the access token expires.' }),
  })
  .meta({ id: 'Tokens' })
export type SignedIn = z.infer<typeof SignedInSchema>

export const SessionSchema = z
  .object({
    id: Id,
    device: z.string().nullable(),
    platform: z.string().meta({
      description:
        'Where the session started: `web`, `telegram_widget`, `telegram_mini_app`, or the name that the program sent.',
      example: 'web',
    }),
    isCurrent: z.boolean().meta({ description: 'Whether this request belongs to the session.' }),
    startedAt: InstantOut,
    lastUsedAt: InstantOut,
    expiresAt: InstantOut,
  })
  .meta({ id: 'Session' })
export type Session = z.infer<typeof SessionSchema>

export const userView = (row: UserRow): User => ({
  id: row.id,
  email: row.email,
  name: row.name,
  role: row.role,
  language: row.language,
  hidden: row.hidden,
  createdAt: iso(row.createdAt),
})

export const FeedKindSchema = z.enum(FEED_KINDS)
