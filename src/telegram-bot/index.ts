import type { Update } from 'grammy/types'
import type { Context } from '../context'
import { AppError } from '../errors'
import { isUnreachable, permanentFailure, secondsToWait } from '../lib/telegram'
import type { TelegramUpdate } from '../schemas/telegram'
import { setReachable } from '../services/accounts/telegram-accounts'
import { finishUpdate, postponeUpdate, readUpdate } from '../services/jobs/telegram-updates'
import { conversation, Turn } from './conversation'

/**
 * Works on one update of the inbox. What it changes is changed once, however often this runs for it; what it says may be
 * said twice where a server dies between saying it and writing that down.
 */
export async function answerUpdate(ctx: Context, key: { botId: number; updateId: number }): Promise<void> {
  // Another bot's, of before the token was changed: this one cannot answer it.
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
    const never = permanentFailure(error)
    if (!limited && never === undefined && !isUnreachable(error)) throw error
    if (never !== undefined) ctx.log.warn({ why: never }, 'Telegram does not take what the bot says')
    if (isUnreachable(error)) await setReachable(ctx.db, sender, false)
    await finishUpdate(ctx, key, 'ignored')
  }
}

/** Limits are counted for whoever writes, wherever Telegram's own servers are. */
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
