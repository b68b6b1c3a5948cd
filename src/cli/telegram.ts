import { AppError } from '../errors'
import { isTelegramError } from '../lib/telegram'
import { registerWebhook } from '../telegram-bot/webhook'
import type { Admin, Work } from './command'

export function addTelegramCommand({ program, on }: Admin): void {
  program
    .command('telegram')
    .description('show the bot and its webhook')
    .option('--register', 'register the webhook at PUBLIC_URL, with TELEGRAM_WEBHOOK_SECRET')
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
  if (!telegram.isSetUp) throw new AppError('UNAVAILABLE', 'The bot is off. Set TELEGRAM_BOT_TOKEN.')
  try {
    if (register) {
      if (!env.PUBLIC_URL)
        throw new AppError('VALIDATION', 'Set PUBLIC_URL to an address that Telegram can reach.')
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
          ? `Telegram sends updates to ${webhook}; ${shown.waiting} are waiting.`
          : 'No webhook is registered. Add --register.',
        ...(shown.lastError ? [`Last error: ${shown.lastError}`] : []),
      ].join('\n'),
    )
  } catch (error) {
    if (!isTelegramError(error)) throw error
    throw new AppError('UNAVAILABLE', `Telegram: ${error.message}`)
  }
}
