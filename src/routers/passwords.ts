import { z } from 'zod'
import { Ok } from '../schemas/common'
import { EmailSchema, NewPassword, SignedInSchema } from '../schemas/users'
import { forgotPassword, resetPassword } from '../services/accounts/password-reset'
import { publicProcedure } from '../trpc'

const tags = ['Accounts']

export const passwordProcedures = {
  forgotPassword: publicProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/auth/forgot-password',
        tags,
        protect: false,
        summary: 'Request a password reset',
        description:
          'Sends an email with a link that is valid for one hour. The response is the same whether or not the account exists. Refused with `INVALID_STATE` if the server sends no mail.',
      },
    })
    .input(z.strictObject({ email: EmailSchema }))
    .output(Ok)
    .mutation(({ ctx, input }) => forgotPassword(ctx, input)),

  resetPassword: publicProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/auth/reset-password',
        tags,
        protect: false,
        summary: 'Reset a password',
        description:
          'Sets a new password, ends all sessions and signs in. The token is the part after the `#` of the link, and works once.',
      },
    })
    .input(z.strictObject({ token: z.string().min(1).max(200), password: NewPassword }))
    .output(SignedInSchema)
    .mutation(({ ctx, input }) => resetPassword(ctx, input)),
}
