import { and, eq, lt, sql } from 'drizzle-orm'
import type { Deps } from '../../context'
import { telegramUpdates } from '../../db/schema'
import { type TelegramUpdate, TelegramUpdateSchema } from '../../schemas/telegram'
import { enqueue } from './jobs'

/** The bot ignores older updates. */
const ANSWERED_WITHIN = sql`interval '1 hour'`

/** Stores an update and adds its job in one transaction. Ignores an update that is already stored. */
export async function storeUpdate(
  { db, telegram }: Pick<Deps, 'db' | 'telegram'>,
  update: TelegramUpdate,
): Promise<void> {
  const key = { botId: telegram.id(), updateId: update.update_id }
  await db.transaction(async (tx) => {
    const [stored] = await tx
      .insert(telegramUpdates)
      .values({ ...key, payload: JSON.stringify(update) })
      .onConflictDoNothing()
      .returning({ updateId: telegramUpdates.updateId })
    if (stored) await enqueue(tx, 'telegram-update', key, { key: jobKey(key) })
  })
}

type UpdateKey = { botId: number; updateId: number }
const jobKey = ({ botId, updateId }: UpdateKey) => `telegram-update:${botId}:${updateId}`

/** Reads a waiting update. @returns undefined if it was processed or is too old to answer */
export async function readUpdate(
  { db }: Pick<Deps, 'db'>,
  key: UpdateKey,
): Promise<TelegramUpdate | undefined> {
  const [row] = await db
    .select({
      payload: telegramUpdates.payload,
      late: sql<boolean>`${telegramUpdates.receivedAt} < now() - ${ANSWERED_WITHIN}`,
    })
    .from(telegramUpdates)
    .where(and(isUpdate(key), eq(telegramUpdates.state, 'waiting')))
  if (!row?.payload) return undefined
  if (row.late) {
    await finishUpdate({ db }, key, 'ignored')
    return undefined
  }
  return TelegramUpdateSchema.parse(JSON.parse(row.payload))
}

const isUpdate = ({ botId, updateId }: UpdateKey) =>
  and(eq(telegramUpdates.botId, botId), eq(telegramUpdates.updateId, updateId))

export async function finishUpdate(
  { db }: Pick<Deps, 'db'>,
  key: UpdateKey,
  state: 'done' | 'ignored',
): Promise<void> {
  await db
    .update(telegramUpdates)
    .set({ state, payload: null, processedAt: sql`clock_timestamp()` })
    .where(isUpdate(key))
}

/** Processes an update again after the delay that Telegram asked for. */
export const postponeUpdate = ({ db }: Pick<Deps, 'db'>, key: UpdateKey, seconds: number) =>
  enqueue(db, 'telegram-update', key, { key: jobKey(key), at: new Date(Date.now() + seconds * 1000) })

/** Deletes updates older than a week. Telegram repeats an update for a day at most. @returns how many */
export async function deleteOldUpdates({ db }: Pick<Deps, 'db'>): Promise<number> {
  const rows = await db
    .delete(telegramUpdates)
    .where(lt(telegramUpdates.receivedAt, sql`now() - interval '7 days'`))
    .returning({ updateId: telegramUpdates.updateId })
  return rows.length
}
