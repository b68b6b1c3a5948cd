import { DAY, iso, type Millis } from '../../lib/time'
import { EVENTS } from '../../seed/community'
import { LOCATIONS, PEOPLE, SPACES } from '../../seed/data'
import type { Schema } from './types'

/** Example values that work unchanged: ids from the demo data, and bookable times a month ahead. */
export type Examples = { byName: Record<string, unknown>; byPath: Record<string, Record<string, unknown>> }

export function examplesFrom(now: Millis): Examples {
  const date = iso(now + 30 * DAY).slice(0, 10)
  const [locationId, spaceId] = [LOCATIONS[0]?.id ?? '', SPACES[0]?.id ?? '']
  const [from, to] = [`${date}T10:00:00Z`, `${date}T11:00:00Z`]
  const demo = { email: 'customer@example.com', password: 'coworkspace-demo' }
  return {
    byName: {
      locationId,
      spaceId,
      slotId: `${spaceId}@${from}`,
      date,
      startsAt: from,
      endsAt: to,
      from,
      to,
      name: 'A quiet corner',
      timeZone: 'Europe/Rome',
      hours: [{ weekday: 1, opensAt: '08:00', closesAt: '20:00' }],
      notes: 'By the window, please',
      message: 'Coffee is ready',
    },
    byPath: {
      '/spaces/{id}': { id: spaceId, name: SPACES[0]?.name },
      '/locations/{id}': { id: locationId, name: LOCATIONS[0]?.name },
      '/users/{id}': { id: PEOPLE[2].id, role: 'customer' },
      '/auth/register': { email: 'grace@example.com', password: 'a-long-passphrase', name: 'Grace Hopper' },
      '/auth/login': demo,
      '/analytics/summary': { from: date, to: date },
      '/check-ins': { locationId },
      '/events': { title: 'Breakfast for everyone' },
      '/events/{id}': { id: EVENTS[0]?.id, title: 'Breakfast for everyone' },
      '/events/{id}/attend': { id: EVENTS[0]?.id },
      '/locations/{id}/door-code': { id: locationId },
      '/auth/me': { name: PEOPLE[2].name },
      '/notifications/preferences': { items: [{ kind: 'reminder_day', email: false }] },
      '/bookings': { spaceId },
      '/bookings/{id}': { startsAt: to },
    },
  }
}

export const exampleOfField = ({ byName, byPath }: Examples, path: string, name: string): unknown =>
  byPath[path]?.[name] ?? byName[name]

/**
 * Generates a value that matches a schema. Prefers known examples over those of the schema. An object gets its required
 * fields and those in `named`; if there are none, one optional field.
 */
export function sampleOf(
  schema: Schema,
  known: (name: string) => unknown,
  resolve: (ref: string) => Schema | undefined = () => undefined,
  named: string[] = [],
): unknown {
  if (schema.$ref) return sampleOf(resolve(schema.$ref) ?? {}, known, resolve, named)
  const given = schema.example ?? schema.examples?.[0] ?? schema.default ?? schema.const ?? schema.enum?.[0]
  if (given !== undefined) return given
  const [choice] = schema.oneOf ?? schema.anyOf ?? schema.allOf ?? []
  if (choice) return sampleOf(choice, known, resolve)
  switch ([schema.type].flat()[0]) {
    case 'object': {
      const fields = Object.entries(schema.properties ?? {})
      const needed = fields.filter(([name]) => schema.required?.includes(name) || named.includes(name))
      const left = fields.filter((field) => !needed.includes(field))
      const withExample = left.filter(([name]) => known(name) !== undefined)
      const enough = needed.some(([, field]) => field.const === undefined) || left.length === 0
      const chosen = [...needed, ...(enough ? [] : [...withExample, ...left].slice(0, 1))]
      return Object.fromEntries(
        chosen.map(([name, field]) => [name, known(name) ?? sampleOf(field, known, resolve)]),
      )
    }
    case 'array':
      return schema.items ? [sampleOf(schema.items, known, resolve)] : []
    case 'integer':
    case 'number':
      return Math.max(1, schema.minimum ?? 1)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return schema.format === 'uuid' ? '019a7d3e-5b1c-7c00-8000-000000000001' : 'text'
  }
}
