/** Every path of the web app. The server serves the app's page at each of them. */
export const PATHS = {
  home: '/',
  signIn: '/sign-in',
  register: '/register',
  forgotPassword: '/forgot-password',
  newPassword: '/new-password',
  space: '/spaces/:id',
  specialists: '/specialists',
  specialist: '/specialists/:id',
  bookings: '/bookings',
  move: '/bookings/:id/move',
  payments: '/payments',
  points: '/points',
  notifications: '/notifications',
  work: '/work',
  workProfile: '/work/profile',
  workServices: '/work/services',
  workReviews: '/work/reviews',
  community: '/community',
  event: '/events/:id',
  checkIn: '/check-in',
  doorScreen: '/door',
  account: '/account',
  live: '/operator',
  operatorSpaces: '/operator/spaces',
  operatorLocations: '/operator/locations',
  operatorClosures: '/operator/closures',
  operatorPeople: '/operator/people',
  operatorBookings: '/operator/bookings',
  operatorPayments: '/operator/payments',
  operatorInbox: '/operator/stripe',
  operatorSpecialists: '/operator/specialists',
  operatorReviews: '/operator/reviews',
  operatorDoor: '/operator/door',
  operatorAnalytics: '/operator/analytics',
} as const

export type Path = (typeof PATHS)[keyof typeof PATHS]

/** The sign-in page that continues at `address`. */
export const signInThen = (address: string): string => `${PATHS.signIn}?then=${encodeURIComponent(address)}`

/** Prefix of scripts and styles, whose names contain a content hash. */
export const ASSETS = '/assets/'
