import type { Update } from 'grammy/types'
import type { Context } from '../context'
import { AppError } from '../errors'
import { isUnreachable, permanentFailure, secondsToWait } from '../lib/telegram'
import type { TelegramUpdate } from '../schemas/telegram'
import { setReachable } from '../services/accounts/telegram-accounts'
import { finishUpdate, postponeUpdate, readUpdate } from '../services/jobs/telegram-updates'
import { conversation, Turn } from './conversation'

/**
 * Processes one stored update. If it runs again for the same update, it changes nothing twice, but a server that dies before
 * it records the result may cause a second reply.
 */
export async function answerUpdate(ctx: Context, key: { botId: number; updateId: number }): Promise<void> {
  // An update of a previous bot, from before the token was changed, cannot be answered.
  const update = key.botId === ctx.telegram.id() ? await readUpdate(ctx, key) : undefined
  if (!update) return
  const sender = senderOf(update)
  try {
    await ctx.limits.countCall({ kind: 'anonymous' }, callerOf(sender), 'mutation')
    await converse({ ...ctx, caller: callerOf(sender) }, update)
    await finishUpdate(ctx, key, 'done')
  } catch (error) {
    const seconds = secondsToWait(error)
    if (seconds !== undefined) return postponeUpdate(ctx, key, seconds)
    const limited = error instanceof AppError && error.reason === 'RATE_LIMITED'
    const failure = permanentFailure(error)
    if (!limited && failure === undefined && !isUnreachable(error)) throw error
    if (failure !== undefined) ctx.log.warn({ why: failure }, 'bot reply refused by Telegram')
    if (isUnreachable(error)) await setReachable(ctx.db, sender, false)
    await finishUpdate(ctx, key, 'ignored')
  }
}

/** Rate limits count per Telegram user: the address is that of Telegram's servers. */
const callerOf = (sender: number) => ({ address: `telegram:${sender}`, allowance: null })

function senderOf(update: TelegramUpdate): number {
  if ('message' in update) return update.message.from.id
  return 'callback_query' in update ? update.callback_query.from.id : update.my_chat_member.from.id
}

async function converse(own: Context, update: TelegramUpdate): Promise<void> {
  const turn = new Turn(update as Update, own.telegram.api(), await own.telegram.me())
  turn.own = own
  await conversation.middleware()(turn, () => Promise.resolve())
}
