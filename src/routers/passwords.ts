import { z } from 'zod'
import { Ok } from '../schemas/common'
import { EmailSchema, NewPassword, SignedInSchema } from '../schemas/users'
import { forgotPassword, resetPassword } from '../services/accounts/password-reset'
import { publicProcedure } from '../trpc'

const tags = ['Accounts']

/** Of `auth`: the way back to an account whose password is forgotten. */
export const passwordProcedures = {
  forgotPassword: publicProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/auth/forgot-password',
        tags,
        protect: false,
        summary: 'Ask for a link to choose a new password by',
        description: 'It comes by mail, and is answered the same where nobody has such an account.',
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
        summary: 'Choose a new password by a link',
        description: 'The token stands behind the # of the link. It is good once, and ends every session.',
      },
    })
    .input(z.strictObject({ token: z.string().min(1).max(200), password: NewPassword }))
    .output(SignedInSchema)
    .mutation(({ ctx, input }) => resetPassword(ctx, input)),
}
