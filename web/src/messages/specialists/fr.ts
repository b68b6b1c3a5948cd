import type { Messages } from '../en'

export const specialists: Messages['specialists'] = {
  title: 'Spécialistes',
  lead: 'Choisissez un spécialiste et un service, puis réservez un horaire.',
  service: 'De quoi avez-vous besoin ?',
  anywhere: 'Tous les lieux',
  freeOn: 'Libre le',
  rating: 'Avis',
  anyRating: 'Tous les avis',
  atLeast: (stars) => `Au moins ${stars} étoiles`,
  empty: 'Aucun spécialiste trouvé.',
  emptyText: 'Essayez un autre jour, un autre mot ou tous les lieux.',
  services: 'Services',
  noServices: 'Aucun service pour le moment.',
  note: (name) => `Message pour ${name} (facultatif)`,
  plusRoom: '+ une salle',
  deposit: (amount) => `${amount} maintenant, le reste après`,
  needsYes: 'Sur approbation',
  gone: 'Spécialiste indisponible',
}
