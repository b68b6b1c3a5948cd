import type { Messages } from '../en'

export const specialists: Messages['specialists'] = {
  title: 'Spécialistes',
  lead: 'Des personnes qui travaillent ici et offrent leur temps : choisissez qui et quoi, puis posez une option.',
  service: 'De quoi avez-vous besoin ?',
  anywhere: 'Tous les lieux',
  freeOn: 'Libre le',
  rating: 'Avis',
  anyRating: 'Tous les avis',
  atLeast: (stars) => `Au moins ${stars} étoiles`,
  empty: 'Personne ne correspond.',
  emptyText: 'Essayez un autre jour, un autre mot ou tous les lieux.',
  services: 'Services',
  noServices: 'Rien n’est proposé pour le moment.',
  note: (name) => `Un mot pour ${name}, si vous voulez`,
  plusRoom: '+ une salle',
  deposit: (amount) => `${amount} maintenant, le reste après`,
  needsYes: 'Attend une confirmation',
  gone: 'Un spécialiste qui n’est plus là',
}
