import type { InlineKeyboardButton } from 'grammy/types'
import type { SignedInContext } from '../context'
import type { UserRow } from '../db/schema'
import { botTexts } from '../i18n/bot'
import type { BotTexts } from '../i18n/bot/texts'
import { type BotAction, buttonData } from '../schemas/bot-actions'

/** What the bot shows: a text with rows of buttons below it. */
export type Screen = { text: string; keyboard: InlineKeyboardButton[][] }

/** A person who talks to the bot, in his language, with the rights that he has everywhere else. */
export type Visitor = { ctx: SignedInContext; user: UserRow; texts: BotTexts }

export const visitorOf = (ctx: SignedInContext, user: UserRow): Visitor => ({
  ctx,
  user,
  texts: botTexts[user.language],
})

export const button = (text: string, action: BotAction): InlineKeyboardButton => ({
  // By characters: half of one is nothing that Telegram takes.
  text: [...text].slice(0, 64).join(''),
  callback_data: buttonData(action),
})

/** So many buttons beside each other. */
export function inRows<T>(items: T[], width: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / width) }, (_, row) =>
    items.slice(row * width, (row + 1) * width),
  )
}

/** An address of the web app, as far as anybody has said at which address people reach it. */
export const webAddress = ({ env }: Pick<SignedInContext, 'env'>, path: string): string =>
  `${env.PUBLIC_URL ?? ''}${path}`

/** A button that opens the web app; none, where Telegram would not take its address. */
export function webButton(
  ctx: Pick<SignedInContext, 'env'>,
  text: string,
  path: string,
): InlineKeyboardButton[] {
  const url = webAddress(ctx, path)
  return url.startsWith('https://') ? [{ text, url }] : []
}
