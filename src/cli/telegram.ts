import { AppError } from '../errors'
import { isTelegramError } from '../lib/telegram'
import { registerWebhook } from '../telegram-bot/webhook'
import type { Admin, Work } from './command'

export function addTelegramCommand({ program, on }: Admin): void {
  program
    .command('telegram')
    .description('the bot, and where Telegram sends what people write to it')
    .option('--register', 'tell Telegram that this is at PUBLIC_URL, with TELEGRAM_WEBHOOK_SECRET')
    .action(on(showBot))
    .addHelpText('after', EXAMPLES)
}

const EXAMPLES = `
Examples:
  bun run admin telegram
  bun run admin telegram --register
`

async function showBot({ ctx, env, console }: Work, { register }: { register?: boolean }): Promise<void> {
  const { telegram } = ctx
  if (!telegram.isSetUp)
    throw new AppError('UNAVAILABLE', 'TELEGRAM_BOT_TOKEN is not set: there is no bot here.')
  try {
    if (register) {
      if (!env.PUBLIC_URL)
        throw new AppError('VALIDATION', 'Set PUBLIC_URL first: Telegram must be able to reach it.')
      await registerWebhook(ctx, env.PUBLIC_URL)
    }
    const { username } = await telegram.api().getMe()
    const {
      url = '',
      pending_update_count: waiting,
      last_error_message: lastError = null,
    } = await telegram.api().getWebhookInfo()
    const bot = { username, webhook: url || null, waiting, lastError }
    console.show(bot, ({ webhook, ...shown }) =>
      [
        `@${shown.username}`,
        webhook
          ? `Telegram sends updates to ${webhook}; ${shown.waiting} wait.`
          : 'Telegram sends updates nowhere: use --register.',
        ...(shown.lastError ? [`The last one failed: ${shown.lastError}`] : []),
      ].join('\n'),
    )
  } catch (error) {
    if (!isTelegramError(error)) throw error
    throw new AppError('UNAVAILABLE', `Telegram: ${error.message}`)
  }
}
