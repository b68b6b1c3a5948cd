import { useState } from 'react'
import { useText } from '../i18n'
import { TextField } from '../ui/controls'
import { amountField, minorOf, typedAmount } from './numbers'

type Priced = { priceMinor: number; currency: string }

/** State of `PriceFields`. */
export function usePrice({ priceMinor, currency: first }: Priced = { priceMinor: 0, currency: 'EUR' }) {
  const [currency, setCurrency] = useState(first)
  const [value, setValue] = useState(typedAmount(priceMinor, currency))
  return {
    value,
    setValue,
    currency,
    setCurrency,
    read: () => ({ priceMinor: minorOf(value, currency), currency }),
  }
}

type PriceFieldsProps = { label: string; price: ReturnType<typeof usePrice> }

export function PriceFields({ label, price: { value, setValue, currency, setCurrency } }: PriceFieldsProps) {
  const { t } = useText()
  return (
    <>
      <TextField
        label={label}
        {...amountField({ name: 'priceMinor', value, currency, onChange: setValue })}
      />
      <TextField
        label={t.operator.currency}
        name="currency"
        value={currency}
        onChange={(typed) => setCurrency(typed.toUpperCase())}
        pattern="[A-Z]{3}"
        required
      />
    </>
  )
}
