import type { Role } from '../../src/actor'
import { PATHS } from '../../web/src/paths'

type Name = keyof typeof PATHS
/** The pages that are about one thing: their addresses have an id. */
export type PageOfOne = { [K in Name]: (typeof PATHS)[K] extends `${string}:id${string}` ? K : never }[Name]

/** Every page of the web app, and where it is, for one thing of each kind. */
export const everyPage = (ids: Record<PageOfOne, string>): [Name, string][] =>
  (Object.keys(PATHS) as Name[]).map((name) => [
    name,
    PATHS[name].replace(':id', Object.hasOwn(ids, name) ? ids[name as PageOfOne] : ''),
  ])

/** Who looks at a page that an operator has nothing to see on. */
export const seenBy: Partial<Record<Name, Role | 'nobody'>> = {
  signIn: 'nobody',
  register: 'nobody',
  forgotPassword: 'nobody',
  newPassword: 'nobody',
  bookings: 'customer',
  payments: 'customer',
  points: 'customer',
  notifications: 'customer',
  work: 'specialist',
  workProfile: 'specialist',
  workServices: 'specialist',
  workReviews: 'specialist',
}
