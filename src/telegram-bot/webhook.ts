import type { Deps } from '../context'
import { AppError } from '../errors'
import { botTexts } from '../i18n/bot'

/**
 * Registers the webhook, its secret and the bot's commands at Telegram. Can be repeated.
 * @param publicUrl the server's public address without a trailing slash
 * @throws UNAVAILABLE if the bot or the webhook secret is not set up, GrammyError if Telegram refuses
 */
export async function registerWebhook(
  { telegram }: Pick<Deps, 'telegram'>,
  publicUrl: string,
): Promise<string> {
  const secret = telegram.webhookSecret
  if (!secret) throw new AppError('UNAVAILABLE', 'Set TELEGRAM_WEBHOOK_SECRET first.')
  const api = telegram.api()
  const url = `${publicUrl}/webhooks/telegram`
  await api.setWebhook(url, {
    secret_token: secret,
    allowed_updates: ['message', 'callback_query', 'my_chat_member'],
  })
  for (const [language, { commands }] of Object.entries(botTexts)) {
    const list = Object.entries(commands).map(([command, description]) => ({ command, description }))
    await api.setMyCommands(list, language === 'en' ? {} : { language_code: language as 'it' | 'fr' })
  }
  return url
}
