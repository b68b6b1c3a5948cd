import type { AnyTRPCProcedure } from '@trpc/server'
import { mergeRouters, router } from '../trpc'
import { analyticsRouter } from './analytics'
import { authRouter } from './auth'
import { bookingsRouter } from './bookings'
import { calendarRouter } from './calendar'
import { checkInsRouter } from './check-ins'
import { closuresRouter } from './closures'
import { eventsRouter } from './events'
import { locationsRouter } from './locations'
import { loyaltyRouter } from './loyalty'
import { notificationsRouter } from './notifications'
import { paymentsRouter } from './payments'
import { realtimeRouter } from './realtime'
import { reviewsRouter } from './reviews'
import { servicesRouter } from './services'
import { slotsRouter } from './slots'
import { spacesRouter } from './spaces'
import { specialistsRouter } from './specialists'
import { telegramRouter } from './telegram'
import { usersRouter } from './users'

export const appRouter = router({
  analytics: analyticsRouter,
  auth: mergeRouters(authRouter, telegramRouter),
  bookings: bookingsRouter,
  calendar: calendarRouter,
  checkIns: checkInsRouter,
  closures: closuresRouter,
  events: eventsRouter,
  locations: locationsRouter,
  loyalty: loyaltyRouter,
  notifications: notificationsRouter,
  payments: paymentsRouter,
  realtime: realtimeRouter,
  reviews: reviewsRouter,
  services: servicesRouter,
  slots: slotsRouter,
  spaces: spacesRouter,
  specialists: specialistsRouter,
  users: usersRouter,
})

/** Clients infer every input, output and refusal from this type. */
export type AppRouter = typeof appRouter

/** Procedures by dotted path. The type of `_def.procedures` is nested, its value is flat. */
export const procedures = appRouter._def.procedures as unknown as Record<string, AnyTRPCProcedure>
