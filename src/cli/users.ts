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
    .description('make an account for an operator, or an operator of somebody who has one')
    .argument('<email>', 'what they sign in with', parseEmail)
    .option('--name <name>', 'what they are called')
    .option('--password <password>', 'at least 8 characters; without it one is made up and shown once')
    .action(on(makeAdmin))
    .addHelpText('after', '\nExample:\n  bun run admin create-admin alma@example.com --name "Alma Admin"\n')

  const users = program.command('users').description('who has an account')
  users
    .command('list')
    .description('everyone, in the order in which they came')
    .option('--search <text>', 'a part of the name or the e-mail')
    .action(on(showUsers))
    .addHelpText('after', '\nExample:\n  bun run admin users list --search rossi\n')
  users
    .command('password-link')
    .description(
      'a link by which somebody who has forgotten the password chooses another, good once and for an hour',
    )
    .argument('<email>', 'who', parseEmail)
    .action(on(showPasswordLink))
    .addHelpText('after', '\nExample:\n  bun run admin users password-link ada@example.com\n')
  users
    .command('role')
    .description('change what somebody may do')
    .argument('<email>', 'who', parseEmail)
    .addArgument(new Argument('<role>', 'what they are from now on').choices(RoleSchema.options))
    .action(on(changeRole))
    .addHelpText('after', '\nExample:\n  bun run admin users role sam@example.com specialist\n')
}

export function parseEmail(text: string): string {
  const parsed = EmailSchema.safeParse(text)
  if (!parsed.success) throw new InvalidArgumentError('It is not an e-mail address.')
  return parsed.data
}

async function makeAdmin(
  { ctx, console }: Work,
  email: string,
  { name, password }: { name?: string; password?: string },
): Promise<void> {
  if (password !== undefined && password.length < 8)
    throw new AppError('VALIDATION', 'A password has at least 8 characters.')
  const made = password ?? randomBytes(12).toString('base64url')
  const { user, created } = await createAdmin(ctx, { email, name: name ?? email, password: made })
  const shown = created && password === undefined ? { password: made } : {}
  console.show({ user, created, ...shown }, () => {
    if (!created) return `${email} had an account and is an admin now. The password is as it was.`
    return `${email} is an admin.${password === undefined ? ` The password, shown only now: ${made}` : ''}`
  })
}

async function showUsers({ ctx, console }: Work, options: { search?: string }): Promise<void> {
  const users = await everyPage((page) => listUsers(ctx, { ...page, ...options }))
  console.show(users, userTable)
}

const userTable = (users: User[]) =>
  table(
    ['id', 'e-mail', 'name', 'role', 'since'],
    users.map(({ id, email, name, role, createdAt }) => [id, email, name, role, createdAt.slice(0, 10)]),
    'Nobody has an account.',
  )

async function showPasswordLink({ ctx, console }: Work, email: string): Promise<void> {
  const made = await passwordLink(ctx, { email })
  console.show(made, () => made.link)
}

async function changeRole({ ctx, console }: Work, email: string, role: Role): Promise<void> {
  const { id } = await findByEmail(ctx, email)
  const user = await setRole(ctx.db, { id, role })
  console.show(user, () => `${email} is ${role === 'admin' ? 'an' : 'a'} ${role} now.`)
}

/** Who has an account with this e-mail. @throws NOT_FOUND */
export async function findByEmail(ctx: Work['ctx'], email: string): Promise<User> {
  const found = await everyPage((page) => listUsers(ctx, { ...page, search: email }))
  const user = found.find((one) => one.email === email)
  if (!user) throw new AppError('NOT_FOUND', `Nobody has an account with the e-mail ${email}.`)
  return user
}
