import { invalidField } from '../errors'

/** Whole amounts are what these have: the minor unit is the unit. */
const WITHOUT_MINOR_UNITS = new Set(
  'BIF CLP DJF GNF ISK JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF'.split(' '),
)
const WITH_THREE_DECIMALS = new Set('BHD JOD KWD OMR TND'.split(' '))
/** Stripe counts these as if they had two decimals, which must be zero: docs.stripe.com/currencies#special-cases. */
const IN_HUNDREDTHS_AT_STRIPE = new Set(['ISK', 'UGX'])
const KNOWN = new Set(Intl.supportedValuesOf('currency'))

/** What a card must be charged at least, in minor units: docs.stripe.com/currencies#minimum-and-maximum-charge-amounts. */
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
/** Stripe takes eight digits. */
const MAXIMUM_AT_STRIPE = 99_999_999

/** How many of Stripe's units one of our minor units is. */
const perMinor = (currency: string) => (IN_HUNDREDTHS_AT_STRIPE.has(currency) ? 100 : 1)

export const toStripeAmount = (amountMinor: number, currency: string): number =>
  amountMinor * perMinor(currency)
export const fromStripeAmount = (amount: number, currency: string): number =>
  Math.round(amount / perMinor(currency.toUpperCase()))

/** The smallest step of an amount that can be charged or refunded: Stripe wants the third decimal to be zero. */
export const stepMinor = (currency: string): number => (WITH_THREE_DECIMALS.has(currency) ? 10 : 1)

/** A share of an amount, rounded half up to what can be paid out in the currency. */
export function shareOf(amountMinor: number, percent: number, currency: string): number {
  const step = stepMinor(currency)
  return Math.floor((amountMinor * percent) / 100 / step + 0.5) * step
}

/**
 * Refuses a price that could never be paid, when it is set rather than when somebody wants to pay it. Zero is free of charge.
 * @param price the least that may be charged at once, and the most
 * @param must what the field has to do with the price, where it is not the price itself
 * @throws VALIDATION, naming `field`
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
      `${must} be 0, or at least ${formatMoney(minimum, currency)}, since cards cannot be charged less`,
    )
  if (leastMinor % stepMinor(currency) !== 0)
    throw invalidField(field, `${must} end in 0: cards are charged in hundredths`)
  if (toStripeAmount(mostMinor, currency) > MAXIMUM_AT_STRIPE)
    throw invalidField(field, 'makes the longest booking more expensive than a card can be charged')
}

const decimalsOf = (currency: string) =>
  WITHOUT_MINOR_UNITS.has(currency) ? 0 : WITH_THREE_DECIMALS.has(currency) ? 3 : 2

/** An amount as a person reads it, such as `EUR 12.50` or `JPY 1200`. */
export function formatMoney(amountMinor: number, currency: string): string {
  const decimals = decimalsOf(currency)
  return `${currency} ${(amountMinor / 10 ** decimals).toFixed(decimals)}`
}

/** An amount as people write it in a language, such as `€12.50`, or `12,50 €`. */
export function localMoney(amountMinor: number, currency: string, locale: string): string {
  const decimals = decimalsOf(currency)
  return new Intl.NumberFormat(locale, {
    style: 'currency',
    currency,
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  }).format(amountMinor / 10 ** decimals)
}
