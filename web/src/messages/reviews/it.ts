import type { Messages } from '../en'

export const reviews: Messages['reviews'] = {
  title: 'Recensioni',
  none: 'Nessuno ha ancora scritto una recensione.',
  average: (average, count) =>
    count === 1
      ? `${average} stelle su 5, da una recensione`
      : `${average} stelle su 5, da ${count} recensioni`,
  stars: (stars) => (stars === 1 ? '1 stella' : `${stars} stelle`),
  rating: 'Com’è andata?',
  comment: 'A parole tue (le leggono tutti)',
  write: 'Scrivi una recensione',
  edit: 'Modifica la recensione',
  send: 'Pubblica',
  thanks: 'Grazie. Ora tutti possono leggerla.',
  answer: 'Rispondi',
  answerEdit: 'Modifica la risposta',
  answerText: 'La tua risposta (la leggono tutti)',
  answerOf: (name) => `Risposta di ${name}`,
}
