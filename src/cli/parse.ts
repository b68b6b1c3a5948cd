import { InvalidArgumentError } from 'commander'
import { Id, Instant } from '../schemas/common'

export function parseInstant(text: string): string {
  if (!Instant.safeParse(text).success)
    throw new InvalidArgumentError('Not a time such as 2027-01-04T09:00:00Z.')
  return text
}

export function parseCount(text: string): number {
  const count = parseWhole(text)
  if (count < 1) throw new InvalidArgumentError('Not a whole number of at least 1.')
  return count
}

export function parseWhole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Not a whole number of at least 0.')
  return Number(text)
}

export function parseId(text: string): string {
  if (!Id.safeParse(text).success) throw new InvalidArgumentError('Not an id.')
  return text
}
