import { isRefused, type OnBoard, reasonOf, type WatchOptions } from '@coworkspace/client'
import { client } from '../api'
import type { DayOf } from './use-board'

/** How often the day of a specialist is asked for. */
const LOOK_AGAIN_MS = 2000

/** Shows a day and every change of it. */
export function watchDay(
  dayOf: DayOf,
  date: string,
  onBoard: OnBoard,
  options: WatchOptions,
): { stop(): void } {
  if ('spaceId' in dayOf) return client.watchBoard(dayOf.spaceId, date, onBoard, options)
  const { specialistId: id, serviceId } = dayOf
  let isOver = false
  let timer: ReturnType<typeof setTimeout> | undefined
  async function ask(): Promise<void> {
    try {
      const board = await client.specialists.day.query({ id, date, serviceId })
      if (!isOver) onBoard(board, { live: true, via: null })
    } catch (error) {
      if (isOver) return
      options.onStatus?.({ live: false, via: null })
      if (isRefused(error, 'NOT_FOUND', 'VALIDATION')) {
        options.onError?.({ reason: reasonOf(error) ?? 'NOT_FOUND', message: '' })
        return
      }
    }
    if (!isOver) timer = setTimeout(() => void ask(), LOOK_AGAIN_MS)
  }
  void ask()
  return {
    stop() {
      isOver = true
      clearTimeout(timer)
    },
  }
}
