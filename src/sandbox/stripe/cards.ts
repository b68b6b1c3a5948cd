export type Card = {
  number: string
  brand: string
  /** The result of a charge; it succeeds by default. */
  charge?:
    | 'declined'
    | 'insufficient_funds'
    | 'authenticate'
    | 'authenticate_each_time'
    | 'declined_when_saved'
  refund?: 'fails' | 'pends'
}

/** Stripe's test cards by the names of their payment methods: docs.stripe.com/testing. */
export const TEST_CARDS: Record<string, Card> = {
  pm_card_visa: { number: '4242424242424242', brand: 'visa' },
  pm_card_mastercard: { number: '5555555555554444', brand: 'mastercard' },
  pm_card_amex: { number: '378282246310005', brand: 'amex' },
  pm_card_chargeDeclined: { number: '4000000000000002', brand: 'visa', charge: 'declined' },
  pm_card_visa_chargeDeclined: { number: '4000000000000002', brand: 'visa', charge: 'declined' },
  pm_card_chargeDeclinedInsufficientFunds: {
    number: '4000000000009995',
    brand: 'visa',
    charge: 'insufficient_funds',
  },
  pm_card_visa_chargeDeclinedInsufficientFunds: {
    number: '4000000000009995',
    brand: 'visa',
    charge: 'insufficient_funds',
  },
  pm_card_chargeCustomerFail: { number: '4000000000000341', brand: 'visa', charge: 'declined_when_saved' },
  pm_card_authenticationRequired: {
    number: '4000002760003184',
    brand: 'visa',
    charge: 'authenticate_each_time',
  },
  pm_card_authenticationRequiredOnSetup: {
    number: '4000002500003155',
    brand: 'visa',
    charge: 'authenticate',
  },
  pm_card_threeDSecureRequired: {
    number: '4000000000003220',
    brand: 'visa',
    charge: 'authenticate_each_time',
  },
  pm_card_refundFail: { number: '4000000000005126', brand: 'visa', refund: 'fails' },
  pm_card_pendingRefund: { number: '4000000000007726', brand: 'visa', refund: 'pends' },
}

export const cardOf = (nameOrNumber: string): Card | undefined =>
  TEST_CARDS[nameOrNumber] ?? Object.values(TEST_CARDS).find(({ number }) => number === nameOrNumber)
