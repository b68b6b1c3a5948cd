import { z } from 'zod'
import { BookingShape } from '../schemas/bookings'
import { PastCheckInShape } from '../schemas/check-ins'
import { Id, InstantOut, Line, listOf, Ok } from '../schemas/common'
import { EventShape } from '../schemas/events'
import { LoyaltyEntryShape } from '../schemas/loyalty'
import { NotificationShape, PreferenceShape } from '../schemas/notifications'
import { TelegramAccountShape, TelegramProofShape } from '../schemas/telegram'
import {
  EmailShape,
  LanguageShape,
  NewPassword,
  SessionShape,
  SignedInShape,
  UserShape,
} from '../schemas/users'
import * as accounts from '../services/accounts/accounts'
import * as sessions from '../services/accounts/sessions'
import * as deleteAccount from '../services/privacy/delete-account'
import { exportMe } from '../services/privacy/export-account'
import { getMe } from '../services/users/users'
import { publicProcedure, router, signedInProcedure } from '../trpc'
import { passwordProcedures } from './passwords'

const Password = z.string().max(200)
const RefreshToken = z.string().min(1).max(200)
const tags = ['Accounts']

export const authRouter = router({
  register: publicProcedure
    .meta({
      openapi: { method: 'POST', path: '/auth/register', tags, protect: false, summary: 'Open an account' },
    })
    .input(z.strictObject({ email: EmailShape, password: NewPassword, name: Line(100) }))
    .output(SignedInShape)
    .mutation(({ ctx, input }) => accounts.register(ctx, input)),

  login: publicProcedure
    .meta({ openapi: { method: 'POST', path: '/auth/login', tags, protect: false, summary: 'Sign in' } })
    .input(z.strictObject({ email: EmailShape, password: Password, platform: Line(100).optional() }))
    .output(SignedInShape)
    .mutation(({ ctx, input }) => accounts.logIn(ctx, input)),

  ...passwordProcedures,

  refresh: publicProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/auth/refresh',
        tags,
        protect: false,
        summary: 'Replace a pair of tokens',
      },
    })
    .input(z.strictObject({ refreshToken: RefreshToken }))
    .output(SignedInShape)
    .mutation(({ ctx, input }) => sessions.refreshSession(ctx, input)),

  logout: publicProcedure
    .meta({
      openapi: { method: 'POST', path: '/auth/logout', tags, protect: false, summary: 'End a session' },
    })
    .input(z.strictObject({ refreshToken: RefreshToken }))
    .output(Ok)
    .mutation(({ ctx, input }) => sessions.logOut(ctx, input)),

  sessions: signedInProcedure
    .meta({ openapi: { method: 'GET', path: '/auth/sessions', tags, summary: 'Where one is signed in' } })
    .input(z.strictObject({}).optional())
    .output(listOf(SessionShape))
    .query(({ ctx }) => sessions.listSessions(ctx)),

  endSession: signedInProcedure
    .meta({
      openapi: { method: 'DELETE', path: '/auth/sessions/{id}', tags, summary: 'Sign out somewhere else' },
    })
    .input(z.strictObject({ id: Id }))
    .output(Ok)
    .mutation(({ ctx, input }) => sessions.endSession(ctx, input)),

  me: signedInProcedure
    .meta({ openapi: { method: 'GET', path: '/auth/me', tags, summary: 'Who one is' } })
    .input(z.strictObject({}).optional())
    .output(UserShape)
    .query(({ ctx }) => getMe(ctx)),

  update: signedInProcedure
    .meta({
      openapi: {
        method: 'PATCH',
        path: '/auth/me',
        tags,
        summary: 'Change name, language, e-mail or password',
      },
    })
    .input(
      z.strictObject({
        name: Line(100).optional(),
        language: LanguageShape.optional(),
        hidden: z.boolean().optional(),
        email: EmailShape.optional(),
        password: NewPassword.optional(),
        currentPassword: Password.optional(),
        telegram: TelegramProofShape.optional().meta({
          description: 'Instead of the present password, where there is none yet.',
        }),
      }),
    )
    .output(UserShape)
    .mutation(({ ctx, input }) => accounts.updateMe(ctx, input)),

  deleteMe: signedInProcedure
    .meta({
      openapi: {
        method: 'DELETE',
        path: '/auth/me',
        tags,
        summary: 'Delete the account and all that is its',
      },
    })
    .input(z.strictObject({}).optional())
    .output(Ok)
    .mutation(({ ctx }) => deleteAccount.deleteMe(ctx)),

  exportMe: signedInProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/auth/me/export',
        tags,
        summary: 'Everything that is stored about one',
      },
    })
    .input(z.strictObject({}).optional())
    .output(
      z.object({
        user: UserShape,
        sessions: z.array(SessionShape),
        telegram: TelegramAccountShape.nullable(),
        bookings: z.array(BookingShape),
        loyalty: z.array(LoyaltyEntryShape),
        checkIns: z.array(PastCheckInShape),
        events: z.array(EventShape),
        notifications: z.array(NotificationShape),
        preferences: z.array(PreferenceShape),
        exportedAt: InstantOut,
      }),
    )
    .query(({ ctx }) => exportMe(ctx)),
})
