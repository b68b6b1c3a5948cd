import type { Role } from '../../src/actor'
import { PATHS } from '../../web/src/paths'

type Name = keyof typeof PATHS
/** Pages with an `:id` in their path. */
export type PageOfOne = { [K in Name]: (typeof PATHS)[K] extends `${string}:id${string}` ? K : never }[Name]

/** Every page of the web app with its path, with the ids filled in. */
export const everyPage = (ids: Record<PageOfOne, string>): [Name, string][] =>
  (Object.keys(PATHS) as Name[]).map((name) => [
    name,
    PATHS[name].replace(':id', Object.hasOwn(ids, name) ? ids[name as PageOfOne] : ''),
  ])

/** The role that sees a page; an operator by default. */
export const seenBy: Partial<Record<Name, Role | 'visitor'>> = {
  signIn: 'visitor',
  register: 'visitor',
  forgotPassword: 'visitor',
  newPassword: 'visitor',
  bookings: 'customer',
  payments: 'customer',
  points: 'customer',
  notifications: 'customer',
  work: 'specialist',
  workProfile: 'specialist',
  workServices: 'specialist',
  workReviews: 'specialist',
}
