import { z } from 'zod'
import { BookingSchema } from '../schemas/bookings'
import { PastCheckInSchema } from '../schemas/check-ins'
import { Id, InstantOut, Line, listOf, Ok } from '../schemas/common'
import { EventSchema } from '../schemas/events'
import { LoyaltyEntrySchema } from '../schemas/loyalty'
import { NotificationSchema, PreferenceSchema } from '../schemas/notifications'
import { TelegramAccountSchema, TelegramProofSchema } from '../schemas/telegram'
import {
  EmailSchema,
  LanguageSchema,
  NewPassword,
  SessionSchema,
  SignedInSchema,
  UserSchema,
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
    .input(z.strictObject({ email: EmailSchema, password: NewPassword, name: Line(100) }))
    .output(SignedInSchema)
    .mutation(({ ctx, input }) => accounts.register(ctx, input)),

  login: publicProcedure
    .meta({ openapi: { method: 'POST', path: '/auth/login', tags, protect: false, summary: 'Sign in' } })
    .input(z.strictObject({ email: EmailSchema, password: Password, platform: Line(100).optional() }))
    .output(SignedInSchema)
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
    .output(SignedInSchema)
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
    .output(listOf(SessionSchema))
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
    .output(UserSchema)
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
        language: LanguageSchema.optional(),
        hidden: z.boolean().optional(),
        email: EmailSchema.optional(),
        password: NewPassword.optional(),
        currentPassword: Password.optional(),
        telegram: TelegramProofSchema.optional().meta({
          description: 'Instead of the present password, where there is none yet.',
        }),
      }),
    )
    .output(UserSchema)
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
        user: UserSchema,
        sessions: z.array(SessionSchema),
        telegram: TelegramAccountSchema.nullable(),
        bookings: z.array(BookingSchema),
        loyalty: z.array(LoyaltyEntrySchema),
        checkIns: z.array(PastCheckInSchema),
        events: z.array(EventSchema),
        notifications: z.array(NotificationSchema),
        preferences: z.array(PreferenceSchema),
        exportedAt: InstantOut,
      }),
    )
    .query(({ ctx }) => exportMe(ctx)),
})
