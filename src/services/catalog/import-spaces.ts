import { z } from 'zod'
import type { Context } from '../../context'
import { AppError, type Issue } from '../../errors'
import { Id, Line } from '../../schemas/common'
import { type Space, SpaceKindSchema, spaceSettings } from '../../schemas/spaces'
import { listLocations } from '../locations/locations'
import { createSpace, listSpaces, updateSpace } from './spaces'

/** A space as it is carried from one installation to another, or written by hand. */
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
 * Makes spaces, or changes those that are there: known by their id, else by location and name, so importing twice makes
 * nothing twice. All rows or none.
 * @param rows of the fields of a space; `location`, a name, may stand for `locationId`
 * @throws VALIDATION with an issue for each wrong field (`3.capacity` is of the third row), and what creating and changing a
 *   space refuse, with the number of the row
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
      const there = await findSpace(inside, row)
      result.spaces.push(await importSpace(inside, row, there).catch(inRow(index)))
      result[there ? 'changed' : 'created'] += 1
      onProgress?.(index + 1, wanted.length)
    }
    return result
  })
}

async function importSpace(ctx: Context, row: SpaceRow, there: Space | undefined): Promise<Space> {
  if (!there) return createSpace(ctx, row)
  const { id: _, locationId, ...fields } = row
  if (there.locationId !== locationId)
    throw new AppError('INVALID_STATE', 'A space cannot move to another location.')
  return updateSpace(ctx, { ...fields, id: there.id })
}

async function findSpace(ctx: Context, { id, locationId, name }: SpaceRow): Promise<Space | undefined> {
  let cursor: string | undefined
  do {
    // An id is known wherever it is, so that a space in another location is not taken for a new one.
    const page = await listSpaces(ctx, { limit: 100, cursor, ...(id === undefined && { locationId }) })
    const found = page.items.find((space) => (id === undefined ? space.name === name : space.id === id))
    if (found) return found
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return undefined
}

/** Refusals say which row they are about. */
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
    throw new AppError('VALIDATION', 'Nothing was imported: some rows are not right.', { issues })
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
