import type { Command } from 'commander'
import type { Console } from './console'
import type { Installation, Opening } from './installation'

export type Work = Installation & { console: Console }

/** The program, and `on`, which wraps an action so that it gets an open installation that is closed afterwards. */
export type Admin = {
  program: Command
  on<Args extends unknown[]>(
    work: (work: Work, ...args: Args) => Promise<void>,
    options?: Opening,
  ): (...args: Args) => Promise<void>
}

/** A failure that the command has already reported. Only sets the exit code. */
export class Failed extends Error {}
