import { createCallerFactory, router } from '../trpc'
import { authRouter } from './auth'
import { bookingsRouter } from './bookings'
import { closuresRouter } from './closures'
import { locationsRouter } from './locations'
import { realtimeRouter } from './realtime'
import { slotsRouter } from './slots'
import { spacesRouter } from './spaces'
import { usersRouter } from './users'

export const appRouter = router({
  auth: authRouter,
  bookings: bookingsRouter,
  closures: closuresRouter,
  locations: locationsRouter,
  realtime: realtimeRouter,
  slots: slotsRouter,
  spaces: spacesRouter,
  users: usersRouter,
})

/** What clients infer every input, output and refusal from. */
export type AppRouter = typeof appRouter
export const createCaller = createCallerFactory(appRouter)
