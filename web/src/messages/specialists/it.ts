import type { Messages } from '../en'

export const specialists: Messages['specialists'] = {
  title: 'Specialisti',
  lead: 'Scegli uno specialista e un servizio, poi prenota un orario.',
  service: 'Di che cosa hai bisogno?',
  anywhere: 'Tutte le sedi',
  freeOn: 'Libero il',
  rating: 'Valutazione',
  anyRating: 'Qualsiasi',
  atLeast: (stars) => `Almeno ${stars} stelle`,
  empty: 'Nessuno specialista trovato.',
  emptyText: 'Prova con un altro giorno, un’altra parola o tutte le sedi.',
  services: 'Servizi',
  noServices: 'Al momento nessun servizio.',
  note: (name) => `Messaggio per ${name} (facoltativo)`,
  plusRoom: '+ una sala',
  deposit: (amount) => `${amount} subito, il resto dopo`,
  needsYes: 'Richiede approvazione',
  gone: 'Specialista non più disponibile',
}
