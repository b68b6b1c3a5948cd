import { z } from 'zod'
import { Id, Line, listOf, page } from '../schemas/common'
import { RoleSchema, UserSchema } from '../schemas/users'
import * as users from '../services/users/users'
import { adminProcedure, router } from '../trpc'

const tags = ['People']

export const usersRouter = router({
  list: adminProcedure
    .meta({ openapi: { method: 'GET', path: '/users', tags, summary: 'Everyone who has an account' } })
    .input(z.strictObject({ search: Line(100).optional(), role: RoleSchema.optional(), ...page }))
    .output(listOf(UserSchema))
    .query(({ ctx, input }) => users.listUsers(ctx, input)),

  update: adminProcedure
    .meta({ openapi: { method: 'PATCH', path: '/users/{id}', tags, summary: 'Change the role of a person' } })
    .input(z.strictObject({ id: Id, role: RoleSchema.optional() }))
    .output(UserSchema)
    .mutation(({ ctx, input }) => users.updateUser(ctx, input)),
})
