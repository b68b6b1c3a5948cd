import { and, asc, eq, gt, isNull, sql } from 'drizzle-orm'
import type { Context, SignedInContext } from '../../context'
import type { Db, Tx } from '../../db/client'
import { type ServiceRow, services, specialists } from '../../db/schema'
import { invalidField, notFound } from '../../errors'
import { refuseUnpayablePrice } from '../../lib/money'
import { MINUTE } from '../../lib/time'
import type { Page } from '../../schemas/common'
import type { Service } from '../../schemas/specialists'
import { changeRules } from '../calendar/change-rules'
import { pageOf } from '../shared/paging'
import { ownCalendar } from './specialists'

type Fields = Partial<Omit<typeof services.$inferInsert, 'id' | 'specialistId' | 'removedAt' | 'createdAt'>>

type ListInput = Page & { specialistId?: string | undefined; locationId?: string | undefined }

export const listServices = (ctx: Context, input: ListInput) =>
  ctx.cache.shared(
    `services:${JSON.stringify(input)}`,
    { tag: 'services', maxAgeMs: SERVICES_MAX_AGE_MS, exact: ctx.actor.kind === 'user' },
    () => readServices(ctx.db, input),
  )

const SERVICES_MAX_AGE_MS = 30 * MINUTE

async function readServices(db: Db, { specialistId, locationId, ...page }: ListInput) {
  const rows = await db
    .select({ service: services })
    .from(services)
    .innerJoin(specialists, eq(specialists.id, services.specialistId))
    .where(
      and(
        isNull(services.removedAt),
        isNull(specialists.removedAt),
        specialistId ? eq(services.specialistId, specialistId) : undefined,
        locationId ? eq(specialists.locationId, locationId) : undefined,
        page.cursor ? gt(services.id, page.cursor) : undefined,
      ),
    )
    .orderBy(asc(services.id))
    .limit(page.limit + 1)
  return pageOf(
    rows.map(({ service }) => service),
    page,
    serviceView,
  )
}

/** @throws NOT_FOUND, NOT_ALLOWED, VALIDATION if the deposit exceeds the price or a card cannot pay an amount */
export async function createService(
  ctx: SignedInContext,
  { specialistId, name, ...fields }: Fields & { specialistId: string; name: string },
): Promise<Service> {
  return changeRules(
    ctx,
    (tx) => ownCalendar(tx, ctx.actor, specialistId),
    async (tx) => {
      refuseDeposit({ depositMinor: 0, priceMinor: 0, ...fields })
      const [row] = await tx
        .insert(services)
        .values({ ...fields, name, specialistId })
        .returning()
      if (!row) throw new Error('the service was not inserted')
      refuseUnpayable(row)
      return serviceView(row)
    },
  )
}

/** Changes a service. Existing bookings keep their terms. @throws NOT_FOUND, NOT_ALLOWED, VALIDATION */
export async function updateService(
  ctx: SignedInContext,
  { id, ...fields }: Fields & { id: string },
): Promise<Service> {
  return changeRules(
    ctx,
    async (tx) => ownCalendar(tx, ctx.actor, (await findService(tx, id)).specialistId),
    async (tx) => {
      const old = await findService(tx, id)
      if (Object.keys(fields).length === 0) return serviceView(old)
      refuseDeposit({ ...old, ...fields })
      const [row] = await tx.update(services).set(fields).where(eq(services.id, id)).returning()
      if (!row) throw notFound('service')
      refuseUnpayable(row)
      return serviceView(row)
    },
  )
}

/** Stops offering a service. Existing bookings remain. @throws NOT_FOUND, NOT_ALLOWED */
export async function removeService(ctx: SignedInContext, { id }: { id: string }): Promise<{ ok: true }> {
  return changeRules(
    ctx,
    async (tx) => ownCalendar(tx, ctx.actor, (await findService(tx, id)).specialistId),
    async (tx) => {
      await tx.update(services).set({ removedAt: sql`now()` }).where(eq(services.id, id))
      return { ok: true }
    },
  )
}

async function findService(tx: Tx, id: string): Promise<ServiceRow> {
  const [row] = await tx
    .select()
    .from(services)
    .where(and(eq(services.id, id), isNull(services.removedAt)))
  if (!row) throw notFound('service')
  return row
}

function refuseDeposit({ depositMinor, priceMinor }: { depositMinor?: number; priceMinor?: number }): void {
  if ((depositMinor ?? 0) > (priceMinor ?? 0)) throw invalidField('depositMinor', 'must not exceed the price')
}

/** A card must be able to pay the deposit and, later, the balance. A room only adds to these amounts. */
function refuseUnpayable({ depositMinor, priceMinor, currency }: ServiceRow): void {
  refuseUnpayablePrice({ leastMinor: priceMinor, currency })
  refuseUnpayablePrice({ leastMinor: depositMinor, currency }, 'depositMinor')
  refuseUnpayablePrice(
    { leastMinor: priceMinor - depositMinor, currency },
    'depositMinor',
    'leaves a balance that must',
  )
}

const serviceView = ({ removedAt: _removed, createdAt: _created, ...service }: ServiceRow): Service => service
