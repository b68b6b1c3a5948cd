import { randomBytes } from 'node:crypto'
import { Argument, InvalidArgumentError } from 'commander'
import { AppError } from '../errors'
import { EmailSchema, type Role, RoleSchema, type User } from '../schemas/users'
import { createAdmin } from '../services/accounts/create-admin'
import { passwordLink } from '../services/accounts/password-reset'
import { listUsers, setRole } from '../services/users/users'
import type { Admin, Work } from './command'
import { table } from './console'
import { everyPage } from './pages'

export function addUserCommands({ program, on }: Admin): void {
  program
    .command('create-admin')
    .description('create an admin account, or give an existing account the role admin')
    .argument('<email>', 'email to sign in with', parseEmail)
    .option('--name <name>', 'name of the user')
    .option('--password <password>', 'at least 8 characters; default: generated and shown once')
    .action(on(makeAdmin))
    .addHelpText('after', '\nExample:\n  bun run admin create-admin alma@example.com --name "Alma Ricci"\n')

  const users = program.command('users').description('list users, change roles and reset passwords')
  users
    .command('list')
    .description('list all users, oldest first')
    .option('--search <text>', 'part of the name or email')
    .action(on(showUsers))
    .addHelpText('after', '\nExample:\n  bun run admin users list --search rossi\n')
  users
    .command('password-link')
    .description('print a link to reset a password, valid once and for an hour')
    .argument('<email>', 'email of the user', parseEmail)
    .action(on(showPasswordLink))
    .addHelpText('after', '\nExample:\n  bun run admin users password-link ada@example.com\n')
  users
    .command('role')
    .description('change the role of a user')
    .argument('<email>', 'email of the user', parseEmail)
    .addArgument(new Argument('<role>', 'new role').choices(RoleSchema.options))
    .action(on(changeRole))
    .addHelpText('after', '\nExample:\n  bun run admin users role sam@example.com specialist\n')
}

export function parseEmail(text: string): string {
  const parsed = EmailSchema.safeParse(text)
  if (!parsed.success) throw new InvalidArgumentError('Not an email address.')
  return parsed.data
}

async function makeAdmin(
  { ctx, console }: Work,
  email: string,
  { name, password }: { name?: string; password?: string },
): Promise<void> {
  if (password !== undefined && password.length < 8)
    throw new AppError('VALIDATION', 'Choose a password of at least 8 characters.')
  const chosen = password ?? randomBytes(12).toString('base64url')
  const { user, created } = await createAdmin(ctx, { email, name: name ?? email, password: chosen })
  const shown = created && password === undefined ? { password: chosen } : {}
  console.show({ user, created, ...shown }, () => {
    if (!created) return `${email} is now an admin and keeps the same password.`
    return `${email} is an admin.${password === undefined ? ` The password, shown only once: ${chosen}` : ''}`
  })
}

async function showUsers({ ctx, console }: Work, options: { search?: string }): Promise<void> {
  const users = await everyPage((page) => listUsers(ctx, { ...page, ...options }))
  console.show(users, userTable)
}

const userTable = (users: User[]) =>
  table(
    ['id', 'email', 'name', 'role', 'created'],
    users.map(({ id, email, name, role, createdAt }) => [id, email, name, role, createdAt.slice(0, 10)]),
    'No users found.',
  )

async function showPasswordLink({ ctx, console }: Work, email: string): Promise<void> {
  const reset = await passwordLink(ctx, { email })
  console.show(reset, () => reset.link)
}

async function changeRole({ ctx, console }: Work, email: string, role: Role): Promise<void> {
  const { id } = await findByEmail(ctx, email)
  const user = await setRole(ctx.db, { id, role })
  console.show(user, () => `${email} now has the role ${role}.`)
}

/** @throws NOT_FOUND */
export async function findByEmail(ctx: Work['ctx'], email: string): Promise<User> {
  const found = await everyPage((page) => listUsers(ctx, { ...page, search: email }))
  const user = found.find((one) => one.email === email)
  if (!user) throw new AppError('NOT_FOUND', `No account has the email ${email}.`)
  return user
}
