import type { InlineKeyboardButton } from 'grammy/types'
import { botTexts } from '../../i18n/bot'
import { isUnreachable, permanentFailure, secondsToWait } from '../../lib/telegram'
import { buttonData } from '../../schemas/bot-actions'
import { findReachable, setReachable } from '../accounts/telegram-accounts'
import { type Channel, Later, type Outgoing, Refused } from './channel'

/** The bot, to users who have linked Telegram and have not blocked it. */
export const telegram: Channel = {
  reaches: async (ctx, user) => ctx.telegram.isSetUp && (await findReachable(ctx.db, user.id)) !== undefined,

  async deliver(ctx, outgoing) {
    const chat = await findReachable(ctx.db, outgoing.user.id)
    if (chat === undefined) throw new Refused('no address on this channel')
    const buttons = buttonsOf(outgoing)
    try {
      await ctx.telegram.api().sendMessage(chat, outgoing.text, {
        ...(buttons.length > 0 && { reply_markup: { inline_keyboard: buttons } }),
      })
    } catch (error) {
      const seconds = secondsToWait(error)
      if (seconds !== undefined) throw new Later(seconds)
      const reason = permanentFailure(error)
      if (reason !== undefined) throw new Refused(reason)
      if (!isUnreachable(error)) throw error
      await setReachable(ctx.db, chat, false)
      throw new Refused('the user blocked the bot')
    }
  },
}

/** Accept and decline for a request to a specialist; for other bookings, a button that opens the booking. */
function buttonsOf({ row, user }: Outgoing): InlineKeyboardButton[][] {
  const { bookingId: id, kind, facts } = row
  if (!id) return []
  const texts = botTexts[user.language]
  if (kind === 'booking_requested' && facts.side === 'specialist')
    return [
      [
        { text: texts.accept, callback_data: buttonData({ do: 'accept', id }) },
        { text: texts.decline, callback_data: buttonData({ do: 'decline', id }) },
      ],
    ]
  return [[{ text: texts.show, callback_data: buttonData({ do: 'booking', id }) }]]
}
