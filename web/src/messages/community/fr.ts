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
    held: 'Votre place est gardée en attendant le paiement',
    waiting: 'Vous attendez une place',
  },
  attend: 'Je viens',
  wait: 'Attendre une place',
  leave: 'Je ne peux pas venir',
}
