import { z } from 'zod'
import { Ok } from '../schemas/common'
import { TelegramAccountSchema, TelegramCodeSchema, TelegramProofSchema } from '../schemas/telegram'
import { SignedInSchema } from '../schemas/users'
import * as telegram from '../services/accounts/telegram-accounts'
import { publicProcedure, router, signedInProcedure, wholeInput } from '../trpc'

const tags = ['Accounts']

export const telegramRouter = router({
  telegram: publicProcedure
    .use(wholeInput)
    .meta({
      openapi: {
        method: 'POST',
        path: '/auth/telegram',
        tags,
        protect: false,
        summary: 'Sign in with Telegram',
        description:
          'Takes all fields from the Telegram login widget, unchanged, or `initData` of a Mini App, signed within the last day. The first sign-in creates an account.',
      },
    })
    .input(TelegramProofSchema)
    .output(SignedInSchema)
    .mutation(({ ctx, input }) => telegram.signInWithTelegram(ctx, input)),

  telegramBot: publicProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/auth/telegram',
        tags,
        protect: false,
        summary: 'Get the Telegram bot',
        description: 'Returns the username of the bot for the login widget, or null if no bot is set up.',
      },
    })
    .input(z.strictObject({}).optional())
    .output(z.object({ username: z.string().nullable() }))
    .query(({ ctx }) => telegram.getBot(ctx)),

  telegramAccount: signedInProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/auth/telegram/link',
        tags,
        summary: 'Get the linked Telegram account',
        description: 'Returns the Telegram account that is linked to the caller, or null.',
      },
    })
    .input(z.strictObject({}).optional())
    .output(z.object({ account: TelegramAccountSchema.nullable() }))
    .query(({ ctx }) => telegram.getTelegramAccount(ctx)),

  linkTelegram: signedInProcedure
    .use(wholeInput)
    .meta({
      openapi: {
        method: 'POST',
        path: '/auth/telegram/link',
        tags,
        summary: 'Link a Telegram account',
        description:
          'Takes the same fields as signing in with Telegram. Refused with `ALREADY_LINKED` if another user has this Telegram account, or the caller has linked another one.',
      },
    })
    .input(TelegramProofSchema)
    .output(TelegramAccountSchema)
    .mutation(({ ctx, input }) => telegram.linkTelegram(ctx, input)),

  telegramCode: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/auth/telegram/code',
        tags,
        summary: 'Create a Telegram link code',
        description:
          'Returns a code that links the Telegram account that opens the bot with it. It works once, within ten minutes, and replaces the previous code.',
      },
    })
    .input(z.strictObject({}).optional())
    .output(TelegramCodeSchema)
    .mutation(({ ctx }) => telegram.createLinkCode(ctx)),

  unlinkTelegram: signedInProcedure
    .meta({
      openapi: {
        method: 'DELETE',
        path: '/auth/telegram/link',
        tags,
        summary: 'Unlink the Telegram account',
        description:
          'Removes the link. Refused with `INVALID_STATE` if the account has no password, since the caller could no longer sign in.',
      },
    })
    .input(z.strictObject({}).optional())
    .output(Ok)
    .mutation(({ ctx }) => telegram.unlinkTelegram(ctx)),
})
