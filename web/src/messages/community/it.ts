import type { Messages } from '../en'

export const community: Messages['community'] = {
  title: 'Comunità',
  present: 'Chi c’è',
  nobody: 'Nessuno si è ancora fatto vivo.',
  unnamed: 'Qualcuno',
  since: (when) => `da ${when}`,
  checkIn: 'Sono qui',
  checkOut: 'Vado via',
  note: 'Una parola per gli altri, se vuoi',
  here: (count: number) => (count === 1 ? 'C’è una persona.' : `Ci sono ${count} persone.`),
  whoIsHere: 'Accedi per vedere chi c’è',
  more: (count: number) => `e altre ${count}`,
  atDoor: 'Alla porta',
  checkedIn: 'Sei registrato. Benvenuto!',
  oldCode: 'Questo codice non è più valido.',
  scanAgain: 'Scansiona quello che c’è adesso alla porta.',
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
  comesBack: (amount) => `Ti tornano ${amount}.`,
  addEvent: 'Annuncia un evento',
  eventTitle: 'Come si chiama',
  eventText: 'Di che cosa si tratta',
  noSpace: 'Nessuno spazio in particolare',
  places: 'Posti',
  placesHint: 'Vuoto: quante persone si vuole.',
  forMembers: 'Lo vedono solo gli iscritti',
  remove: 'Annulla l’evento',
  removeTitle: (title) => `Annullare ${title}?`,
  removeText:
    'Chi doveva venire viene avvisato, e quanto pagato viene restituito. Non si può tornare indietro.',
  terms: (hours, percent) => `Fino a ${hours} ore prima torna il ${percent} % del prezzo.`,
  backTo: (name) => `Che altro c’è da ${name}`,
}
