import type { InlineKeyboardButton } from 'grammy/types'
import { botTexts } from '../../i18n/bot'
import { isUnreachable, permanentFailure, secondsToWait } from '../../lib/telegram'
import { buttonData } from '../../schemas/bot-actions'
import { findReachable, setReachable } from '../accounts/telegram-accounts'
import { type Channel, Later, type Outgoing, Refused } from './channel'

/** The bot, to whoever has linked Telegram and lets it write. */
export const telegram: Channel = {
  reaches: async (ctx, person) =>
    ctx.telegram.isSetUp && (await findReachable(ctx.db, person.id)) !== undefined,

  async deliver(ctx, outgoing) {
    const chat = await findReachable(ctx.db, outgoing.person.id)
    if (chat === undefined) throw new Refused('nowhere to send it to')
    const buttons = buttonsOf(outgoing)
    try {
      await ctx.telegram.api().sendMessage(chat, outgoing.text, {
        ...(buttons.length > 0 && { reply_markup: { inline_keyboard: buttons } }),
      })
    } catch (error) {
      const seconds = secondsToWait(error)
      if (seconds !== undefined) throw new Later(seconds)
      const never = permanentFailure(error)
      if (never !== undefined) throw new Refused(never)
      if (!isUnreachable(error)) throw error
      await setReachable(ctx.db, chat, false)
      throw new Refused('the bot was blocked')
    }
  },
}

/** A specialist who is asked for a yes says it below the question; what else is about a booking leads to it. */
function buttonsOf({ row, person }: Outgoing): InlineKeyboardButton[][] {
  const { bookingId: id, kind, facts } = row
  if (!id) return []
  const texts = botTexts[person.language]
  if (kind === 'booking_requested' && facts.side === 'specialist')
    return [
      [
        { text: texts.accept, callback_data: buttonData({ do: 'accept', id }) },
        { text: texts.decline, callback_data: buttonData({ do: 'decline', id }) },
      ],
    ]
  return [[{ text: texts.show, callback_data: buttonData({ do: 'booking', id }) }]]
}
