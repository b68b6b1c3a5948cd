import type { Context } from '../../context'
import type { Db } from '../../db/client'
import { MINUTE } from '../../lib/time'
import type { Page } from '../../schemas/common'
import { forService } from '../calendar/availability'
import { renderBoard } from '../calendar/slots'
import { hoursOf } from '../locations/locations'
import { pageOf } from '../shared/paging'
import {
  profilesFor,
  type SpecialistColumns,
  type SpecialistFilter,
  selectSpecialists,
  specialistView,
} from './specialists'

/**
 * Lists specialists, oldest profile first. With `date`, lists only those with a free time on that local date, for the
 * requested service or for any. A visitor's result may be five minutes old.
 */
export async function listSpecialists(
  ctx: Context,
  input: SpecialistFilter & Page & { date?: string | undefined },
) {
  const { date } = input
  if (date === undefined) {
    return ctx.cache.shared(`specialists:${JSON.stringify(input)}`, profilesFor(ctx), async () => {
      const rows = await selectSpecialists(ctx.db, input, input.limit + 1)
      return page(ctx.db, rows, input)
    })
  }
  // Signed-in users may have just changed a calendar, so they read the primary, uncached.
  if (ctx.actor.kind !== 'anonymous') return searchDate(ctx.db, input, date)
  return ctx.cache.shared(
    `specialists.search:${JSON.stringify(input)}`,
    { maxAgeMs: SEARCH_MAX_AGE_MS },
    () => searchDate(ctx.replica, input, date),
  )
}

const SEARCH_BATCH = 50
const SEARCH_MAX_AGE_MS = 5 * MINUTE

async function searchDate(db: Db, input: SpecialistFilter & Page, date: string) {
  const { limit } = input
  const found: SpecialistColumns[] = []
  let { cursor } = input
  while (found.length <= limit) {
    const rows = await selectSpecialists(db, { ...input, cursor }, SEARCH_BATCH, date)
    found.push(...rows.filter((row) => hasFreeTime(row, date)))
    cursor = rows.at(-1)?.id
    if (rows.length < SEARCH_BATCH) break
  }
  return page(db, found, input)
}

type Searched = Awaited<ReturnType<typeof selectSpecialists>>[number]

function hasFreeTime({ rules, claims, rooms, now, services: asked }: Searched, date: string): boolean {
  if (!rules || !claims) return false
  return (asked ?? []).some((serviceId) => {
    const calendar = forService({ rules, claims, rooms, now }, serviceId)
    return calendar && renderBoard(calendar, date).slots.some(({ status }) => status === 'free')
  })
}

async function page(db: Db, rows: SpecialistColumns[], input: Page) {
  const hours = await hoursOf(
    db,
    'specialist',
    rows.map(({ id }) => id),
  )
  return pageOf(rows, input, (row) => specialistView(row, hours))
}
