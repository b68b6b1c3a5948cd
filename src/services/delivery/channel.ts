import type { Context } from '../../context'
import type { NotificationRow, UserRow } from '../../db/schema'

/** A notification as a channel sends it, in the language of its person. */
export type Outgoing = {
  row: NotificationRow
  person: UserRow
  subject: string
  text: string
}

/** It will never be sent: no mailbox of that name, or a chat that was blocked. Anything else that is thrown is tried again. */
export class Refused extends Error {}

/** Not now: the other side has asked to be left alone for so long. Nothing has failed. */
export class Later extends Error {
  constructor(readonly seconds: number) {
    super(`to be sent in ${seconds} seconds`)
  }
}

/** A way out of here to a person. */
export type Channel = {
  /** Whether this person can be reached that way at all; where not, nothing is sent and nothing has failed. */
  reaches(ctx: Context, person: UserRow): Promise<boolean>
  /**
   * Sends it, in less than a minute. May be called again for the same notification where a server died after it was sent
   * and before that was written down, so it says which one it is, where the channel has a way to.
   * @throws {Refused} @throws {Later}
   */
  deliver(ctx: Context, outgoing: Outgoing): Promise<void>
}
