import { Composer, GrammyError, Context as UpdateContext } from 'grammy'
import { type Context, contextOf } from '../context'
import type { UserRow } from '../db/schema'
import { AppError } from '../errors'
import { botTexts } from '../i18n/bot'
import type { BotTexts } from '../i18n/bot/texts'
import { isTelegramError } from '../lib/telegram'
import { type BotAction, readButton } from '../schemas/bot-actions'
import type { TelegramSender } from '../schemas/telegram'
import { findLinked, openAccount, redeemLinkCode, setReachable } from '../services/accounts/telegram-accounts'
import { personOf, type TelegramPerson } from '../services/accounts/telegram-login'
import { act, type Shown, showAfterRefusal, showMenu } from './actions'
import { button, type Screen, visitorOf, webAddress, webButton } from './screen'

/** grammY's context of one update, extended with the server's. */
export class Turn extends UpdateContext {
  /** Set before the conversation handles the update. */
  own: Context | undefined
}

const ownOf = ({ own }: Turn): Context => {
  if (!own) throw new Error('Turn.own is not set')
  return own
}

/** The cast is safe: an update was validated before it was stored. */
const senderOf = (turn: Turn): TelegramPerson => personOf(turn.from as TelegramSender)

export const conversation = new Composer<Turn>()

conversation.on('my_chat_member', async (turn) => {
  const { status } = turn.myChatMember.new_chat_member
  await setReachable(ownOf(turn).db, turn.from.id, status !== 'kicked')
})

conversation.hears(/^\/start(?:@\w+)?\s+([\w-]{1,64})\s*$/, async (turn) => {
  const sender = senderOf(turn)
  const own = ownOf(turn)
  const texts = botTexts[sender.language]
  const refusal = await catchRefusal(
    () => redeemLinkCode(own, sender, turn.match[1] ?? ''),
    async ({ reason }) => (reason === 'NOT_FOUND' ? texts.codeGone : texts.codeTaken),
  )
  const visitor = await findVisitor(turn, sender)
  const screen = visitor ? showMenu(visitor) : welcome(own, texts)
  const text = refusal ?? visitor?.texts.linked(visitor.user.name)
  await write(turn, { ...screen, text: text ? `${text}\n\n${screen.text}` : screen.text })
})

const COMMANDS: Record<string, BotAction> = {
  book: { do: 'locations', of: 'spaces' },
  bookings: { do: 'bookings' },
}

conversation.on('message:text', async (turn) => {
  const sender = senderOf(turn)
  const visitor = await findVisitor(turn, sender)
  if (!visitor) return write(turn, welcome(ownOf(turn), botTexts[sender.language]))
  const [, command = ''] = /^\/(\w+)/.exec(turn.message.text) ?? []
  const action = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined
  const shown = action && (await act(visitor, action, 'none'))
  await write(turn, shown?.screen ?? showMenu(visitor))
})

conversation.on('callback_query:data', async (turn) => {
  const sender = senderOf(turn)
  const action = readButton(turn.callbackQuery.data) ?? { do: 'menu' as const }
  if (action.do === 'join') await openAccount(ownOf(turn), sender)
  const visitor = await findVisitor(turn, sender)
  if (!visitor) {
    await replace(turn, welcome(ownOf(turn), botTexts[sender.language]))
    await answerPress(turn, {})
    return
  }
  const { message } = turn.callbackQuery
  const pressKey = `telegram:${message?.message_id}:${turn.callbackQuery.data}`
  const shown = await catchRefusal<Shown, Shown>(
    () => act(visitor, action, pressKey),
    async (refusal) => {
      const screen = await showAfterRefusal(visitor, action)
      const notice = visitor.texts.reasons[refusal.reason] ?? visitor.texts.refused
      return { ...(screen && { screen }), notice, alert: true }
    },
  )
  if (shown.screen) await replace(turn, shown.screen)
  await answerPress(turn, shown)
})

/** Returns the visitor for the account that is linked to the sender, or undefined without one. */
async function findVisitor(turn: Turn, sender: TelegramPerson) {
  const own = ownOf(turn)
  const user: UserRow | undefined = await findLinked(own.db, sender.id)
  if (!user) return undefined
  await setReachable(own.db, sender.id, true)
  const ctx = contextOf(own, { kind: 'user' as const, id: user.id, role: user.role }, 'telegram')
  return visitorOf({ ...ctx, caller: own.caller, device: 'Telegram' }, user)
}

function welcome(own: Context, texts: BotTexts): Screen {
  const signIn = webButton(own, texts.hasAccount, '/account')
  return {
    text: `${texts.welcome}\n\n${texts.howToLink(webAddress(own, '/account'))}`,
    keyboard: [[button(texts.isNew, { do: 'join' })], ...(signIn.length > 0 ? [signIn] : [])],
  }
}

/** Handles refusals. Other errors, and those that a retry can solve, are thrown so that the queue retries the update. */
async function catchRefusal<T, R>(
  run: () => Promise<T>,
  onRefusal: (refusal: AppError) => Promise<R>,
): Promise<T | R> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof AppError && error.reason !== 'UNAVAILABLE' && error.reason !== 'IN_PROGRESS')
      return onRefusal(error)
    throw error
  }
}

const asMarkup = ({ keyboard }: Screen) => ({ reply_markup: { inline_keyboard: keyboard } })

async function write(turn: Turn, screen: Screen): Promise<void> {
  await turn.reply(screen.text, asMarkup(screen))
}

/** Replaces the screen of the pressed button, or sends a new message if Telegram refuses the edit. */
async function replace(turn: Turn, screen: Screen): Promise<void> {
  try {
    await turn.editMessageText(screen.text, asMarkup(screen))
  } catch (error) {
    if (!(error instanceof GrammyError) || error.error_code !== 400) throw error
    if (!error.description.includes('message is not modified')) await write(turn, screen)
  }
}

/** Ends Telegram's progress indicator. The action is already done, so a failure here is only logged. */
async function answerPress(
  turn: Turn,
  { notice = '', alert = false }: Pick<Shown, 'notice' | 'alert'>,
): Promise<void> {
  await turn.answerCallbackQuery({ text: notice, show_alert: alert }).catch((error: unknown) => {
    if (!isTelegramError(error)) throw error
    ownOf(turn).log.debug({ error }, 'callback query failed')
  })
}
