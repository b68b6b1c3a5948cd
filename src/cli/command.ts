import type { Command } from 'commander'
import type { Console } from './console'
import type { Installation, Opening } from './installation'

/** What a command has to work with. */
export type Work = Installation & { console: Console }

/** A program that commands are added to. `on` makes the action of one: it opens the installation, and closes it again. */
export type Admin = {
  program: Command
  on<Args extends unknown[]>(
    work: (work: Work, ...args: Args) => Promise<void>,
    options?: Opening,
  ): (...args: Args) => Promise<void>
}

/** Something was wrong that the command has told of already. */
export class Failed extends Error {}
