import type { Messages } from '../en'

export const reviews: Messages['reviews'] = {
  title: 'Recensioni',
  none: 'Ancora nessuna recensione.',
  average: (average, count) =>
    count === 1
      ? `${average} stelle su 5, da una recensione`
      : `${average} stelle su 5, da ${count} recensioni`,
  stars: (stars) => (stars === 1 ? '1 stella' : `${stars} stelle`),
  rating: 'Com’è andata?',
  comment: 'La tua recensione (pubblica)',
  write: 'Scrivi una recensione',
  edit: 'Modifica la recensione',
  send: 'Pubblica',
  thanks: 'Grazie. La tua recensione è pubblicata.',
  answer: 'Rispondi',
  answerEdit: 'Modifica la risposta',
  answerText: 'La tua risposta (pubblica)',
  answerOf: (name) => `Risposta di ${name}`,
}
