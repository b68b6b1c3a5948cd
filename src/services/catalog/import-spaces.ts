import { z } from 'zod'
import type { Context } from '../../context'
import { AppError, type Issue } from '../../errors'
import { Id, Line } from '../../schemas/common'
import { type Space, SpaceKindSchema, spaceSettings } from '../../schemas/spaces'
import { listLocations } from '../locations/locations'
import { createSpace, listSpaces, updateSpace } from './spaces'

const SpaceRowSchema = z.strictObject({
  id: Id.optional(),
  locationId: Id,
  name: Line(200),
  kind: SpaceKindSchema,
  ...spaceSettings,
})
type SpaceRow = z.infer<typeof SpaceRowSchema>

export const SPACE_FIELDS = Object.keys(SpaceRowSchema.shape) as (keyof SpaceRow)[]

export type Imported = { created: number; changed: number; spaces: Space[] }

/**
 * Creates or updates spaces in one transaction. A row matches a space by its id or, without an id, by location and name,
 * so repeating an import creates no duplicates.
 * @param rows fields of a space; `location` (a name) can replace `locationId`
 * @throws VALIDATION with an issue for each invalid field (`3.capacity` is in the third row), and the refusals of
 *   `createSpace` and `updateSpace` with the row number
 */
export async function importSpaces(
  ctx: Context,
  rows: unknown[],
  onProgress?: (done: number, of: number) => void,
): Promise<Imported> {
  const wanted = parseRows(await withLocationIds(ctx, rows))
  return ctx.db.transaction(async (tx) => {
    const inside = { ...ctx, db: tx }
    const result: Imported = { created: 0, changed: 0, spaces: [] }
    for (const [index, row] of wanted.entries()) {
      const existing = await findSpace(inside, row)
      result.spaces.push(await importSpace(inside, row, existing).catch(inRow(index)))
      result[existing ? 'changed' : 'created'] += 1
      onProgress?.(index + 1, wanted.length)
    }
    return result
  })
}

async function importSpace(ctx: Context, row: SpaceRow, existing: Space | undefined): Promise<Space> {
  if (!existing) return createSpace(ctx, row)
  const { id: _, locationId, ...fields } = row
  if (existing.locationId !== locationId)
    throw new AppError('INVALID_STATE', 'The location of a space cannot be changed.')
  return updateSpace(ctx, { ...fields, id: existing.id })
}

async function findSpace(ctx: Context, { id, locationId, name }: SpaceRow): Promise<Space | undefined> {
  let cursor: string | undefined
  do {
    // Search all locations for an id, so that a space with another location is refused and not created again.
    const page = await listSpaces(ctx, { limit: 100, cursor, ...(id === undefined && { locationId }) })
    const found = page.items.find((space) => (id === undefined ? space.name === name : space.id === id))
    if (found) return found
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return undefined
}

const inRow = (index: number) => (error: unknown) => {
  if (!(error instanceof AppError)) throw error
  const { reason, message, issues } = error
  throw new AppError(reason, `Row ${index + 1}: ${message}`, { cause: error, ...(issues && { issues }) })
}

function parseRows(rows: unknown[]): SpaceRow[] {
  const issues: Issue[] = []
  const parsed = rows.flatMap((row, index) => {
    const { data, error } = SpaceRowSchema.safeParse(row)
    for (const { path, message } of error?.issues ?? [])
      issues.push({ path: [index + 1, ...path].join('.'), message })
    return data ? [data] : []
  })
  if (issues.length > 0)
    throw new AppError('VALIDATION', 'Nothing was imported. Fix the listed rows and try again.', { issues })
  return parsed
}

async function withLocationIds(ctx: Context, rows: unknown[]): Promise<unknown[]> {
  const { items } = await listLocations(ctx, { limit: 100 })
  return rows.map((row) => {
    if (typeof row !== 'object' || row === null || !('location' in row)) return row
    const { location, ...fields } = row
    const found = items.filter(({ name }) => name === location)
    return found.length === 1 ? { locationId: found[0]?.id, ...fields } : fields
  })
}
