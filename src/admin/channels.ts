import { sql } from 'drizzle-orm'
import type { Finding } from './doctor'
import type { Work } from './program'

/** Whether notifications get out of here by mail, where that is set. */
export async function lookAtMail({ ctx }: Work): Promise<Finding> {
  if (!ctx.mailer) return { state: 'off', says: 'SMTP_URL is not set: nobody gets mail.' }
  try {
    await ctx.mailer.check()
  } catch (error) {
    return {
      state: 'broken',
      says: `The mail server does not let us in: ${error instanceof Error ? error.message : error}.`,
      todo: 'Is SMTP_URL right, with its name and password?',
    }
  }
  const [row] = await ctx.db.execute<{
    mails: number
  }>(sql`SELECT count(*)::int AS mails FROM notification_deliveries
    WHERE channel = 'email' AND sent_at IS NULL AND refused IS NULL AND created_at < now() - interval '10 minutes'`)
  if (!row?.mails) return { state: 'ok', says: 'The mail server lets us in, and no mail waits.' }
  return {
    state: 'warning',
    says: `${row.mails} mails wait for longer than ten minutes.`,
    todo: 'Run: bun run admin payments jobs, which says why. Does a server run?',
  }
}
