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

/** One update of somebody's, with what the server has to answer it. */
export class Turn extends UpdateContext {
  /** Set by whoever makes it, before the conversation sees it. */
  own: Context | undefined
}

const ownOf = ({ own }: Turn): Context => {
  if (!own) throw new Error('the turn has no context')
  return own
}

/** Who has written or pressed. The shape of what the inbox keeps is that of Telegram's, but for what is not read. */
const senderOf = (turn: Turn): TelegramPerson => personOf(turn.from as TelegramSender)

/** What the bot does upon each kind of update. */
export const conversation = new Composer<Turn>()

conversation.on('my_chat_member', async (turn) => {
  const { status } = turn.myChatMember.new_chat_member
  await setReachable(ownOf(turn).db, turn.from.id, status !== 'kicked')
})

conversation.hears(/^\/start(?:@\w+)?\s+([\w-]{1,64})\s*$/, async (turn) => {
  const sender = senderOf(turn)
  const own = ownOf(turn)
  const texts = botTexts[sender.language]
  const refusal = await refusing(
    () => redeemLinkCode(own, sender, turn.match[1] ?? ''),
    async ({ reason }) => (reason === 'NOT_FOUND' ? texts.codeGone : texts.codeTaken),
  )
  const visitor = await visit(turn, sender)
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
  const visitor = await visit(turn, sender)
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
  const visitor = await visit(turn, sender)
  if (!visitor) {
    await replace(turn, welcome(ownOf(turn), botTexts[sender.language]))
    await say(turn, {})
    return
  }
  const { message } = turn.callbackQuery
  const pressed = `telegram:${message?.message_id}:${turn.callbackQuery.data}`
  const shown = await refusing<Shown, Shown>(
    () => act(visitor, action, pressed),
    async (refusal) => {
      const screen = await showAfterRefusal(visitor, action)
      const said = visitor.texts.reasons[refusal.reason] ?? visitor.texts.refused
      return { ...(screen && { screen }), said, alarming: true }
    },
  )
  if (shown.screen) await replace(turn, shown.screen)
  await say(turn, shown)
})

/** Who is linked to the sender acts as himself from here on; nobody, where nobody is. */
async function visit(turn: Turn, sender: TelegramPerson) {
  const own = ownOf(turn)
  const user: UserRow | undefined = await findLinked(own.db, sender.id)
  if (!user) return undefined
  await setReachable(own.db, sender.id, true)
  const person = contextOf(own, { kind: 'user' as const, id: user.id, role: user.role }, 'telegram')
  return visitorOf({ ...person, caller: own.caller, device: 'Telegram' }, user)
}

function welcome(own: Context, texts: BotTexts): Screen {
  const known = webButton(own, texts.hasAccount, '/account')
  return {
    text: `${texts.welcome}\n\n${texts.howToLink(webAddress(own, '/account'))}`,
    keyboard: [[button(texts.isNew, { do: 'join' })], ...(known.length > 0 ? [known] : [])],
  }
}

/** A refusal is an answer; what is down is tried again by the queue, and what is a bug is one. */
async function refusing<T, R>(
  run: () => Promise<T>,
  refused: (refusal: AppError) => Promise<R>,
): Promise<T | R> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof AppError && error.reason !== 'UNAVAILABLE' && error.reason !== 'IN_PROGRESS')
      return refused(error)
    throw error
  }
}

const asMarkup = ({ keyboard }: Screen) => ({ reply_markup: { inline_keyboard: keyboard } })

async function write(turn: Turn, screen: Screen): Promise<void> {
  await turn.reply(screen.text, asMarkup(screen))
}

/** Shows a screen in place of the one whose button was pressed, or below it where Telegram does not let us. */
async function replace(turn: Turn, screen: Screen): Promise<void> {
  try {
    await turn.editMessageText(screen.text, asMarkup(screen))
  } catch (error) {
    if (!(error instanceof GrammyError) || error.error_code !== 400) throw error
    if (!error.description.includes('message is not modified')) await write(turn, screen)
  }
}

/** Ends the waiting of whoever pressed. What was to be done is done, so a word that does not arrive is no failure. */
async function say(
  turn: Turn,
  { said = '', alarming = false }: Pick<Shown, 'said' | 'alarming'>,
): Promise<void> {
  await turn.answerCallbackQuery({ text: said, show_alert: alarming }).catch((error: unknown) => {
    if (!isTelegramError(error)) throw error
    ownOf(turn).log.debug({ error }, 'a press was not answered')
  })
}
