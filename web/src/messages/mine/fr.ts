import type { Messages } from '../en'

export const mine: Messages['mine'] = {
  title: 'À moi',
  payments: 'Paiements',
  noPayments: 'Vous n’avez encore rien payé.',
  paid: (amount) => `${amount} payés`,
  back: (amount) => `${amount} remboursés`,
  due: (amount) => `${amount} à payer`,
  payRest: (amount) => `Payer le reste : ${amount}`,
}
