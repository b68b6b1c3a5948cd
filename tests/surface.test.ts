import { expect, test } from 'bun:test'
import { differencesOf, plain, readSurface, SURFACE_FILE, type Surface } from '../scripts/surface'

const committed: Surface = await Bun.file(SURFACE_FILE).json()
const HOW_TO_RENEW = `
Clients rely on what is written down in tests/surface.json, and it is not so any more (see above).
If that is meant, renew it with: bun run surface
What is gone or changed breaks clients that are out there; what is new does not.`

test('no procedure, path, reason, message or setting is lost or changed but on purpose', () => {
  const differences = differencesOf(committed, plain(readSurface()))
  if (differences.length > 0) throw new Error(`${differences.join('\n')}\n${HOW_TO_RENEW}`)
})

test('what is lost, new or of another shape is noticed in every part of the surface', () => {
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

test('an input that asks for more and an output that gives less are changes', () => {
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
