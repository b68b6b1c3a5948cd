import { expect, test } from 'bun:test'
import { differencesOf, plain, readSurface, SURFACE_FILE, type Surface } from '../scripts/surface'

const committed: Surface = await Bun.file(SURFACE_FILE).json()
const HOW_TO_UPDATE = `
The public surface differs from tests/surface.json, which clients rely on (see above).
If the change is intended, update the file with: bun run surface
Removed or changed entries break existing clients; new ones do not.`

test('no procedure, path, reason, message or setting changes unnoticed', () => {
  const differences = differencesOf(committed, plain(readSurface()))
  if (differences.length > 0) throw new Error(`${differences.join('\n')}\n${HOW_TO_UPDATE}`)
})

test('a removed, new or changed entry is noticed in every part of the surface', () => {
  for (const [section, entries] of Object.entries(committed)) {
    const [name = ''] = Object.keys(entries)
    expect(name).not.toBe('')
    const { [name]: _, ...rest } = entries
    const without = { ...committed, [section]: rest }
    const other = { ...committed, [section]: { ...entries, [name]: 'another shape' } }
    expect(differencesOf(committed, without)).toEqual([`gone from ${section}: ${name}`])
    expect(differencesOf(without, committed)).toEqual([`new in ${section}: ${name}`])
    expect(differencesOf(committed, other)).toEqual([`changed in ${section}: ${name}`])
  }
})

test('the surface records inputs, outputs, routes and whether a call needs a sign-in', () => {
  const hold = committed.procedures?.['slots.hold']
  const board = committed.shapes?.Board
  expect(hold).toMatchObject({
    type: 'mutation',
    rest: 'POST /api/slots/{slotId}/hold',
    signedIn: true,
    input: [{ type: 'object', required: ['slotId'], additionalProperties: false }],
    output: { $ref: '#/shapes/Booking' },
  })
  expect(board).toMatchObject({ properties: { version: { type: 'integer' } } })
  expect(committed.routes).toMatchObject({ 'GET /api/health': true, 'WS /realtime': true })
})
