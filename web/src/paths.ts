/** Every address of the web app: the server answers them with its page, and the app shows what stands there. */
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

/** Where one signs in, to go on at an address of the app. */
export const signInThen = (address: string): string => `${PATHS.signIn}?then=${encodeURIComponent(address)}`

/** Where the scripts and styles are, under names that change with what is in them. */
export const ASSETS = '/assets/'
