import type { Messages } from '../en'

export const community: Messages['community'] = {
  title: 'Comunità',
  present: 'Chi c’è',
  nobody: 'Nessuno si è ancora fatto vivo.',
  unnamed: 'Qualcuno',
  since: (when) => `da ${when}`,
  checkIn: 'Sono qui',
  checkOut: 'Vado via',
  events: 'In programma',
  noEvents: 'Qui non c’è nulla in programma.',
  attending: (count, capacity) =>
    capacity === null
      ? count === 1
        ? '1 partecipante'
        : `${count} partecipanti`
      : `${count} di ${capacity} posti occupati`,
  waiting: (count) => `${count} in attesa`,
  mine: {
    attending: 'Parteciperai',
    held: 'Il posto è tenuto per te finché non lo paghi',
    waiting: 'Aspetti un posto',
  },
  attend: 'Partecipo',
  wait: 'Aspetta un posto',
  leave: 'Non posso venire',
}
