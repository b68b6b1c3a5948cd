import type { Deps } from '../context'
import { AppError } from '../errors'
import { botTexts } from '../i18n/bot'

/**
 * Tells Telegram where this server is, with the secret that each update has to carry, and what the bot is asked with.
 * Telling it again changes nothing.
 * @param publicUrl the address that people, and Telegram, reach the server at, without a slash at its end
 * @throws UNAVAILABLE where no bot, or no secret, is set up; whatever Telegram refuses
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
