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
      openapi: {
        method: 'POST',
        path: '/auth/register',
        tags,
        protect: false,
        summary: 'Create an account',
        description:
          'Creates a customer account and signs it in. Refused with `EMAIL_TAKEN` if an account with this email exists.',
      },
    })
    .input(
      z.strictObject({
        email: EmailSchema,
        password: NewPassword,
        name: Line(100).meta({ description: 'Shown to other users.' }),
      }),
    )
    .output(SignedInSchema)
    .mutation(({ ctx, input }) => accounts.register(ctx, input)),

  login: publicProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/auth/login',
        tags,
        protect: false,
        summary: 'Sign in',
        description:
          'Returns an access token, valid for one hour, and a refresh token, valid for 30 days. Attempts are limited per address and per email.',
      },
    })
    .input(
      z.strictObject({
        email: EmailSchema,
        password: Password,
        platform: Line(100)
          .meta({ description: 'Name of the program that signs in, shown in the list of sessions.' })
          .optional(),
      }),
    )
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
        summary: 'Refresh the tokens',
        description:
          'Exchanges a refresh token for a new pair of tokens. Using a replaced refresh token again ends its session with `REFRESH_REUSED`, except within 10 seconds if the new pair is still unused.',
      },
    })
    .input(z.strictObject({ refreshToken: RefreshToken }))
    .output(SignedInSchema)
    .mutation(({ ctx, input }) => sessions.refreshSession(ctx, input)),

  logout: publicProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/auth/logout',
        tags,
        protect: false,
        summary: 'Sign out',
        description:
          'Ends the session of a refresh token. Succeeds even if the token is unknown or its session has already ended.',
      },
    })
    .input(z.strictObject({ refreshToken: RefreshToken }))
    .output(Ok)
    .mutation(({ ctx, input }) => sessions.logOut(ctx, input)),

  sessions: signedInProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/auth/sessions',
        tags,
        summary: 'List sessions',
        description: "Returns the caller's active sessions, oldest first.",
      },
    })
    .input(z.strictObject({}).optional())
    .output(listOf(SessionSchema))
    .query(({ ctx }) => sessions.listSessions(ctx)),

  endSession: signedInProcedure
    .meta({
      openapi: {
        method: 'DELETE',
        path: '/auth/sessions/{id}',
        tags,
        summary: 'End a session',
        description:
          "Ends one of the caller's sessions, such as a sign-in on another device. Its refresh token stops working at once, its access token within an hour.",
      },
    })
    .input(z.strictObject({ id: Id }))
    .output(Ok)
    .mutation(({ ctx, input }) => sessions.endSession(ctx, input)),

  me: signedInProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/auth/me',
        tags,
        summary: 'Get the current user',
        description: "Returns the caller's account with its current role.",
      },
    })
    .input(z.strictObject({}).optional())
    .output(UserSchema)
    .query(({ ctx }) => getMe(ctx)),

  update: signedInProcedure
    .meta({
      openapi: {
        method: 'PATCH',
        path: '/auth/me',
        tags,
        summary: 'Update the current user',
        description:
          'Changes the fields that are sent. A new email or password needs `currentPassword`, or `telegram` if the account has no password. Replacing a password ends all sessions.',
      },
    })
    .input(
      z.strictObject({
        name: Line(100).optional(),
        language: LanguageSchema.optional(),
        hidden: z
          .boolean()
          .meta({ description: 'Whether the name is left out of check-ins and attendee lists.' })
          .optional(),
        email: EmailSchema.optional(),
        password: NewPassword.optional(),
        currentPassword: Password.meta({ description: 'Required for a new email or password.' }).optional(),
        telegram: TelegramProofSchema.meta({
          description: 'Replaces `currentPassword` if the account has no password.',
        }).optional(),
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
        summary: 'Delete the current user',
        description:
          "Deletes the caller's account and personal data, and cancels their holds and bookings. Paid bookings remain without the caller's name. Refused with `INVALID_STATE` while other users have active bookings with the caller as a specialist.",
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
        summary: "Export the current user's data",
        description: 'Returns everything that is stored about the caller as one JSON object.',
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
