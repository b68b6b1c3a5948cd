import type { Messages } from '../en'

export const specialists: Messages['specialists'] = {
  title: 'Specialisti',
  lead: 'Chi lavora qui e offre il suo tempo: scegli chi e che cosa, e riserva un orario.',
  service: 'Di che cosa hai bisogno?',
  anywhere: 'Tutte le sedi',
  freeOn: 'Libero il',
  rating: 'Valutazione',
  anyRating: 'Qualsiasi',
  atLeast: (stars) => `Almeno ${stars} stelle`,
  empty: 'Nessuno corrisponde.',
  emptyText: 'Prova con un altro giorno, un’altra parola o tutte le sedi.',
  services: 'Servizi',
  noServices: 'Al momento non viene offerto nulla.',
  note: (name) => `Un messaggio per ${name}, se vuoi`,
  plusRoom: '+ una sala',
  deposit: (amount) => `${amount} subito, il resto dopo`,
  needsYes: 'Attende una conferma',
  gone: 'Uno specialista che non c’è più',
}
