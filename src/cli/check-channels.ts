import { sql } from 'drizzle-orm'
import { isTelegramError } from '../lib/telegram'
import type { Work } from './command'
import type { Finding } from './finding'

/** Checks the login at the mail server and the age of unsent emails. */
export async function checkMail({ ctx }: Work): Promise<Finding> {
  if (!ctx.mailer) return { state: 'off', says: 'SMTP_URL is not set. No email is sent.' }
  try {
    await ctx.mailer.check()
  } catch (error) {
    return {
      state: 'broken',
      says: `Login at the mail server failed: ${error instanceof Error ? error.message : error}.`,
      todo: 'Check SMTP_URL, with its user name and password.',
    }
  }
  const [row] = await ctx.db.execute<{
    mails: number
  }>(sql`SELECT count(*)::int AS mails FROM notification_deliveries
    WHERE channel = 'email' AND sent_at IS NULL AND refused IS NULL AND created_at < now() - interval '10 minutes'`)
  if (!row?.mails) return { state: 'ok', says: 'Login at the mail server succeeded. No email is waiting.' }
  return {
    state: 'warning',
    says: `${row.mails} emails have been waiting for more than ten minutes.`,
    todo: 'Check that a server is running. For the errors, run: bun run admin payments jobs',
  }
}

/** Checks the token of the bot and the delivery of its updates. */
export async function checkTelegram({ ctx: { telegram }, env }: Work): Promise<Finding> {
  if (!env.TELEGRAM_BOT_TOKEN) return { state: 'off', says: 'TELEGRAM_BOT_TOKEN is not set. The bot is off.' }
  try {
    const { username } = await telegram.api().getMe()
    const {
      url = '',
      pending_update_count: waiting,
      last_error_message: lastError,
    } = await telegram.api().getWebhookInfo()
    if (url === '' || !telegram.webhookSecret)
      return {
        state: 'warning',
        says: `@${username} receives no updates.`,
        todo: 'Set PUBLIC_URL and TELEGRAM_WEBHOOK_SECRET, then run: bun run admin telegram --register',
      }
    if (waiting > 0 && lastError)
      return {
        state: 'warning',
        says: `${waiting} updates are waiting at Telegram: ${lastError}.`,
        todo: `Check that Telegram can reach ${url}.`,
      }
    return { state: 'ok', says: `@${username} receives updates.` }
  } catch (error) {
    if (!isTelegramError(error)) throw error
    return {
      state: 'broken',
      says: `Telegram: ${error.message}`,
      todo: 'Check TELEGRAM_BOT_TOKEN, and that this machine can reach Telegram.',
    }
  }
}
