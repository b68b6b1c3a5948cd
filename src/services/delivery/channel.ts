import type { Context } from '../../context'
import type { NotificationRow, UserRow } from '../../db/schema'

/** A notification rendered in the language of its user. */
export type Outgoing = {
  row: NotificationRow
  user: UserRow
  subject: string
  text: string
}

/** A permanent refusal, such as an unknown mailbox or a blocked chat. Any other error is retried. */
export class Refused extends Error {}

/** Asks to send later because the other side limits the rate. Does not count as a failure. */
export class Later extends Error {
  constructor(readonly seconds: number) {
    super(`send again in ${seconds} seconds`)
  }
}

export type Channel = {
  /** Whether the user has an address on this channel. If not, nothing is sent and nothing has failed. */
  reaches(ctx: Context, user: UserRow): Promise<boolean>
  /**
   * Sends a notification in less than a minute. If a server dies before it records the result, the call is repeated, so
   * channels that can should send the notification's id to mark the duplicate.
   * @throws {Refused} @throws {Later}
   */
  deliver(ctx: Context, outgoing: Outgoing): Promise<void>
}
