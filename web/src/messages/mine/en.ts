export const mine = {
  title: 'Mine',
  payments: 'Payments',
  noPayments: 'You have not paid for anything yet.',
  paid: (amount: string) => `${amount} paid`,
  back: (amount: string) => `${amount} given back`,
  due: (amount: string) => `${amount} still to pay`,
  payRest: (amount: string) => `Pay the rest: ${amount}`,
}
