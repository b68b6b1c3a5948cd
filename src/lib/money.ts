import { invalidField } from '../errors'

const WITHOUT_MINOR_UNITS = new Set(
  'BIF CLP DJF GNF ISK JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF'.split(' '),
)
const WITH_THREE_DECIMALS = new Set('BHD JOD KWD OMR TND'.split(' '))
/** Stripe expects two decimals, which must be zero: docs.stripe.com/currencies#special-cases. */
const IN_HUNDREDTHS_AT_STRIPE = new Set(['ISK', 'UGX'])
const KNOWN = new Set(Intl.supportedValuesOf('currency'))

/** Minimum card charges, in minor units: docs.stripe.com/currencies#minimum-and-maximum-charge-amounts. */
const MINIMUMS: Record<string, number> = {
  AED: 200,
  AUD: 50,
  BGN: 100,
  BRL: 50,
  CAD: 50,
  CHF: 50,
  CZK: 1500,
  DKK: 250,
  EUR: 50,
  GBP: 30,
  HKD: 400,
  HUF: 17_500,
  INR: 50,
  JPY: 50,
  MXN: 1000,
  MYR: 200,
  NOK: 300,
  NZD: 50,
  PLN: 200,
  RON: 200,
  SEK: 300,
  SGD: 50,
  THB: 1000,
  USD: 50,
}
const MAXIMUM_AT_STRIPE = 99_999_999

const perMinor = (currency: string) => (IN_HUNDREDTHS_AT_STRIPE.has(currency) ? 100 : 1)

export const toStripeAmount = (amountMinor: number, currency: string): number =>
  amountMinor * perMinor(currency)
export const fromStripeAmount = (amount: number, currency: string): number =>
  Math.round(amount / perMinor(currency.toUpperCase()))

/** The smallest step of a charge or refund, in minor units: Stripe requires a third decimal of zero. */
export const stepMinor = (currency: string): number => (WITH_THREE_DECIMALS.has(currency) ? 10 : 1)

/** A percentage of an amount, rounded half up to `stepMinor`. */
export function shareOf(amountMinor: number, percent: number, currency: string): number {
  const step = stepMinor(currency)
  return Math.floor((amountMinor * percent) / 100 / step + 0.5) * step
}

/**
 * Refuses a price that a card cannot be charged, when the price is set. Zero is free.
 * @param price the smallest and the largest single charge, in minor units
 * @param must the start of the error message, if the field is not the price itself
 * @throws VALIDATION for `field`
 */
export function refuseUnpayablePrice(
  price: { leastMinor: number; mostMinor?: number; currency: string },
  field = 'priceMinor',
  must = 'must',
): void {
  const { leastMinor, mostMinor = leastMinor, currency } = price
  if (!KNOWN.has(currency)) throw invalidField('currency', 'is not a currency')
  if (leastMinor === 0) return
  const minimum = MINIMUMS[currency] ?? 1
  if (leastMinor < minimum)
    throw invalidField(
      field,
      `${must} be 0 or at least ${formatMoney(minimum, currency)}, the minimum card charge`,
    )
  if (leastMinor % stepMinor(currency) !== 0)
    throw invalidField(field, `${must} end in 0: cards have only two decimals`)
  if (toStripeAmount(mostMinor, currency) > MAXIMUM_AT_STRIPE)
    throw invalidField(field, 'makes the longest booking exceed the maximum card charge')
}

const decimalsOf = (currency: string) =>
  WITHOUT_MINOR_UNITS.has(currency) ? 0 : WITH_THREE_DECIMALS.has(currency) ? 3 : 2

/** Formats an amount independently of the language, such as `EUR 12.50` or `JPY 1200`. */
export function formatMoney(amountMinor: number, currency: string): string {
  const decimals = decimalsOf(currency)
  return `${currency} ${(amountMinor / 10 ** decimals).toFixed(decimals)}`
}

export function localMoney(amountMinor: number, currency: string, locale: string): string {
  const decimals = decimalsOf(currency)
  return new Intl.NumberFormat(locale, {
    style: 'currency',
    currency,
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  }).format(amountMinor / 10 ** decimals)
}
