import type { InlineKeyboardButton } from 'grammy/types'
import type { SignedInContext } from '../context'
import type { UserRow } from '../db/schema'
import { botTexts } from '../i18n/bot'
import type { BotTexts } from '../i18n/bot/texts'
import { type BotAction, buttonData } from '../schemas/bot-actions'

/** A message of the bot: a text and rows of buttons below it. */
export type Screen = { text: string; keyboard: InlineKeyboardButton[][] }

/** A signed-in user of the bot. */
export type Visitor = { ctx: SignedInContext; user: UserRow; texts: BotTexts }

export const visitorOf = (ctx: SignedInContext, user: UserRow): Visitor => ({
  ctx,
  user,
  texts: botTexts[user.language],
})

export const button = (text: string, action: BotAction): InlineKeyboardButton => ({
  // Cut by code points: Telegram refuses half a surrogate pair.
  text: [...text].slice(0, 64).join(''),
  callback_data: buttonData(action),
})

export function inRows<T>(items: T[], width: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / width) }, (_, row) =>
    items.slice(row * width, (row + 1) * width),
  )
}

/** The URL of a page of the web app, or only its path if PUBLIC_URL is not set. */
export const webAddress = ({ env }: Pick<SignedInContext, 'env'>, path: string): string =>
  `${env.PUBLIC_URL ?? ''}${path}`

/** A button that opens the web app, or nothing if its URL is not https, which Telegram refuses. */
export function webButton(
  ctx: Pick<SignedInContext, 'env'>,
  text: string,
  path: string,
): InlineKeyboardButton[] {
  const url = webAddress(ctx, path)
  return url.startsWith('https://') ? [{ text, url }] : []
}
