import { sql } from 'drizzle-orm'
import { isTelegramError } from '../lib/telegram'
import type { Work } from './command'
import type { Finding } from './finding'

/** Whether notifications get out of here by mail, where that is set. */
export async function checkMail({ ctx }: Work): Promise<Finding> {
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

/** Whether Telegram knows the bot, and brings what people write to it. */
export async function checkTelegram({ ctx: { telegram }, env }: Work): Promise<Finding> {
  if (!env.TELEGRAM_BOT_TOKEN)
    return { state: 'off', says: 'TELEGRAM_BOT_TOKEN is not set: there is no bot.' }
  try {
    const { username } = await telegram.api().getMe()
    const {
      url = '',
      pending_update_count: waiting,
      last_error_message: why,
    } = await telegram.api().getWebhookInfo()
    if (url === '' || !telegram.webhookSecret)
      return {
        state: 'warning',
        says: `@${username} hears nothing of what people write.`,
        todo: 'Set PUBLIC_URL and TELEGRAM_WEBHOOK_SECRET, then run: bun run admin telegram --register',
      }
    if (waiting > 0 && why)
      return {
        state: 'warning',
        says: `${waiting} updates wait at Telegram: ${why}.`,
        todo: `Can Telegram reach ${url}?`,
      }
    return { state: 'ok', says: `@${username} hears what people write.` }
  } catch (error) {
    if (!isTelegramError(error)) throw error
    return {
      state: 'broken',
      says: `Telegram: ${error.message}`,
      todo: 'Is TELEGRAM_BOT_TOKEN right, and can this machine reach Telegram?',
    }
  }
}
