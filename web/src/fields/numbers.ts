import { useState } from 'react'
import { unitOf } from '../format'

/** State of integer fields: `<TextField label={…} {...numbers.field('units')} />`. */
export function useNumbers<K extends string>(first: Record<K, number>) {
  const [typed, setTyped] = useState<Record<string, string>>(() =>
    Object.fromEntries(Object.entries<number>(first).map(([name, value]) => [name, String(value)])),
  )
  return {
    read: () =>
      Object.fromEntries(Object.entries(typed).map(([name, text]) => [name, Number(text)])) as Record<
        K,
        number
      >,
    field: (name: K) => ({
      name,
      type: 'number',
      min: 0,
      required: true,
      value: typed[name] ?? '',
      onChange: (text: string) => setTyped({ ...typed, [name]: text }),
    }),
  }
}

/** An amount in the currency's main unit, for a text field: `12.50`. */
export const typedAmount = (minor: number, currency: string): string => String(minor / unitOf(currency))
/** The inverse of `typedAmount`, rounded to the smallest unit. */
export const minorOf = (typed: string, currency: string): number =>
  Math.round(Number(typed) * unitOf(currency))

type AmountField = { name: string; value: string; currency: string; onChange(text: string): void }

/** Props of a text field for an amount. */
export const amountField = ({ name, value, currency, onChange }: AmountField) => ({
  name,
  type: 'number',
  min: 0,
  step: 1 / unitOf(currency),
  required: true,
  value,
  onChange,
})
