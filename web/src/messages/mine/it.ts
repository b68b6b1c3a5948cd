import type { Messages } from '../en'

export const mine: Messages['mine'] = {
  title: 'Le mie cose',
  payments: 'Pagamenti',
  noPayments: 'Non hai ancora pagato nulla.',
  paid: (amount) => `${amount} pagati`,
  back: (amount) => `${amount} rimborsati`,
  due: (amount) => `${amount} da pagare`,
  payRest: (amount) => `Paga il resto: ${amount}`,
}
