import { z } from 'zod'
import { Ok } from '../schemas/common'
import { TelegramAccountSchema, TelegramCodeSchema, TelegramProofSchema } from '../schemas/telegram'
import { SignedInSchema } from '../schemas/users'
import * as telegram from '../services/accounts/telegram-accounts'
import { publicProcedure, router, signedInProcedure, wholeInput } from '../trpc'

const tags = ['Accounts']

/** What of `auth.*` is about Telegram. */
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
          'Takes all fields that the login widget gave, and nothing else, or `initData` of a Mini App. Who comes for the first time gets an account.',
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
        summary: 'The bot that signs people in',
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
        summary: 'Which account of Telegram is linked',
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
        summary: 'Link an account of Telegram to one’s own',
        description: 'Takes what signing in with Telegram takes.',
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
        summary: 'A code that links whoever opens the bot with it, once, within ten minutes',
      },
    })
    .input(z.strictObject({}).optional())
    .output(TelegramCodeSchema)
    .mutation(({ ctx }) => telegram.createLinkCode(ctx)),

  unlinkTelegram: signedInProcedure
    .meta({
      openapi: { method: 'DELETE', path: '/auth/telegram/link', tags, summary: 'Unlink Telegram' },
    })
    .input(z.strictObject({}).optional())
    .output(Ok)
    .mutation(({ ctx }) => telegram.unlinkTelegram(ctx)),
})
