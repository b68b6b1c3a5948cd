import { z } from 'zod'
import { Id, Line, listOf, page } from '../schemas/common'
import { RoleSchema, UserSchema } from '../schemas/users'
import * as users from '../services/users/users'
import { adminProcedure, router } from '../trpc'

const tags = ['Users']

export const usersRouter = router({
  list: adminProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/users',
        tags,
        summary: 'List users',
        description:
          'Returns all user accounts, oldest first. `search` matches names and emails. Admins only.',
      },
    })
    .input(
      z.strictObject({
        search: Line(100).meta({ description: 'Part of a name or an email.' }).optional(),
        role: RoleSchema.meta({ description: 'Only users with this role.' }).optional(),
        ...page,
      }),
    )
    .output(listOf(UserSchema))
    .query(({ ctx, input }) => users.listUsers(ctx, input)),

  update: adminProcedure
    .meta({
      openapi: {
        method: 'PATCH',
        path: '/users/{id}',
        tags,
        summary: 'Update a user',
        description: 'Changes the role of a user. Admins cannot change their own role. Admins only.',
      },
    })
    .input(z.strictObject({ id: Id, role: RoleSchema.optional() }))
    .output(UserSchema)
    .mutation(({ ctx, input }) => users.updateUser(ctx, input)),
})
