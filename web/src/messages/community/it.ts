import type { Messages } from '../en'

export const community: Messages['community'] = {
  title: 'Comunità',
  present: 'Chi c’è',
  nobody: 'Per ora nessuno ha detto di esserci.',
  unnamed: 'Qualcuno',
  since: (when) => `da ${when}`,
  checkIn: 'Sono qui',
  checkOut: 'Vado via',
  note: 'Una parola per gli altri, se vuoi',
  here: (count: number) => (count === 1 ? 'C’è una persona.' : `Ci sono ${count} persone.`),
  whoIsHere: 'Accedi per vedere chi c’è',
  more: (count: number) => `e altre ${count}`,
  atDoor: 'All’ingresso',
  checkedIn: 'Sei registrato. Benvenuto!',
  oldCode: 'Questo codice non è più valido.',
  scanAgain: 'Inquadra quello che c’è adesso all’ingresso.',
  arrived: 'Sei arrivato',
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
    held: 'Un posto è tenuto per te finché non è pagato',
    waiting: 'Sei in lista d’attesa',
  },
  attendees: 'Chi viene',
  theirs: { attending: 'viene', held: 'sta pagando', waiting: 'in attesa' },
  attend: 'Partecipo',
  wait: 'Aspetta un posto',
  leave: 'Non posso venire',
  takePlace: (price) => `Prendi un posto per ${price}`,
  signIn: 'Accedi per partecipare',
  leaveTitle: (title) => `Lasciare il tuo posto a ${title}?`,
  comesBack: (amount) => `Ti vengono rimborsati ${amount}.`,
  addEvent: 'Annuncia un evento',
  eventTitle: 'Titolo',
  eventText: 'Descrizione',
  noSpace: 'Nessuno spazio in particolare',
  places: 'Posti',
  placesHint: 'Se vuoto, senza limite.',
  forMembers: 'Lo vedono solo gli iscritti',
  remove: 'Annulla l’evento',
  removeTitle: (title) => `Annullare ${title}?`,
  removeText:
    'Chi doveva venire viene avvisato, e quanto pagato viene restituito. Non si può tornare indietro.',
  terms: (time, percent) => `Fino a ${time} prima: rimborso del ${percent} %.`,
  termsToStart: (percent) => `Fino all’inizio: rimborso del ${percent} %.`,
  backTo: (name) => `Che altro c’è da ${name}`,
}
