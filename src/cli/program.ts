import { Command, CommanderError } from 'commander'
import { version } from '../../package.json'
import { BackupError } from '../db/backup'
import { ConfigurationError } from '../env'
import { AppError, type Issue } from '../errors'
import { refusalOfThrown } from '../trpc'
import { addBookingCommands } from './bookings'
import { type Admin, Failed } from './command'
import { createConsole, type Surroundings } from './console'
import { addDatabaseCommands } from './database'
import { addDoctorCommand } from './doctor'
import { openInstallation } from './installation'
import { addLoyaltyCommand } from './loyalty'
import { addPaymentCommands } from './payments'
import { addReportCommand } from './report'
import { addSpaceCommands } from './spaces'
import { addTelegramCommand } from './telegram'
import { addUserCommands } from './users'

const EXIT = { done: 0, failed: 1, misused: 2 } as const

/**
 * Runs one admin command.
 * @returns the exit code: 0 done, 1 refused or failed, 2 not understood
 */
export async function runAdmin(words: string[], surroundings: Surroundings): Promise<number> {
  const { program } = createProgram(surroundings)
  try {
    await program.parseAsync(words, { from: 'user' })
    return EXIT.done
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.misused
    if (!(error instanceof Failed)) surroundings.err(describeError(error, program.opts().json === true))
    return EXIT.failed
  }
}

function createProgram(surroundings: Surroundings): Admin {
  const program = new Command('admin')
    .description('Manages a CoworkSpace installation, with or without a running server.')
    .version(version)
    .option('--json', 'print the result as JSON')
    .showHelpAfterError('(see --help)')
    .exitOverride()
    .configureOutput({ writeOut: surroundings.out, writeErr: surroundings.err })
    .addHelpText('after', EXAMPLES)
  const admin: Admin = {
    program,
    on:
      (work, options) =>
      async (...args) => {
        const installation = await openInstallation(surroundings.environment, options)
        try {
          const console = createConsole(surroundings, program.opts().json === true)
          await work({ ...installation, console }, ...args)
        } finally {
          await installation.close()
        }
      },
  }
  addUserCommands(admin)
  addSpaceCommands(admin)
  addBookingCommands(admin)
  addPaymentCommands(admin)
  addReportCommand(admin)
  addLoyaltyCommand(admin)
  addDatabaseCommands(admin, surroundings)
  addTelegramCommand(admin)
  addDoctorCommand(admin)
  return admin
}

const EXAMPLES = `
Examples:
  bun run admin doctor
  bun run admin create-admin alma@example.com --name "Alma Ricci"
  bun run admin spaces export spaces.csv
  bun run admin bookings list --status confirmed --json
  bun run admin backup monday.backup

Exit codes: 0 done, 1 refused or failed, 2 not understood.
`

/** Refusals get a sentence. Any other error is a bug and is printed with its stack. */
function describeError(error: unknown, json: boolean): string {
  const { reason, message, issues = [] } = refusalOf(error)
  if (json) return `${JSON.stringify({ error: { reason, message, ...(issues.length > 0 && { issues }) } })}\n`
  const details = issues.map(({ path, message: what }) => `  ${path}: ${what}`)
  const bug = reason === 'INTERNAL' ? [Bun.inspect(error)] : []
  return `${[message, ...details, ...bug].join('\n')}\n`
}

function refusalOf(error: unknown): { reason: string; message: string; issues?: Issue[] | undefined } {
  if (error instanceof ConfigurationError || error instanceof BackupError)
    return { reason: 'CONFIGURATION', message: error.message }
  return error instanceof AppError ? error : refusalOfThrown(error)
}
