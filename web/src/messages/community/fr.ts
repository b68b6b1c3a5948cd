import type { Messages } from '../en'

export const community: Messages['community'] = {
  title: 'Communauté',
  present: 'Qui est là',
  nobody: 'Personne ne s’est encore signalé.',
  unnamed: 'Quelqu’un',
  since: (when) => `depuis ${when}`,
  checkIn: 'Je suis là',
  checkOut: 'Je m’en vais',
  events: 'Au programme',
  noEvents: 'Rien n’est prévu ici.',
  attending: (count, capacity) =>
    capacity === null
      ? count <= 1
        ? `${count} viendra`
        : `${count} viendront`
      : `${count} places prises sur ${capacity}`,
  waiting: (count) => `${count} en attente`,
  mine: {
    attending: 'Vous viendrez',
    held: 'Une place vous est gardée jusqu’au paiement',
    waiting: 'Vous attendez une place',
  },
  attend: 'Je viens',
  wait: 'Attendre une place',
  leave: 'Je ne peux pas venir',
  takePlace: (price) => `Prendre une place pour ${price}`,
  signIn: 'Se connecter pour venir',
  leaveTitle: (title) => `Rendre votre place pour ${title} ?`,
  comesBack: (amount) => `${amount} vous reviennent.`,
  addEvent: 'Annoncer un événement',
  eventTitle: 'Son nom',
  eventText: 'De quoi il s’agit',
  noSpace: 'Aucun espace en particulier',
  places: 'Places',
  placesHint: 'Vide : autant de personnes qu’on veut.',
  forMembers: 'Visible des membres seulement',
  remove: 'Annuler l’événement',
  removeTitle: (title) => `Annuler ${title} ?`,
  removeText: 'Les inscrits sont prévenus et ce qui a été payé est rendu. C’est sans retour.',
  terms: (hours, percent) => `Jusqu’à ${hours} heures avant, ${percent} % du prix sont rendus.`,
  backTo: (name) => `Quoi d’autre à ${name}`,
}
