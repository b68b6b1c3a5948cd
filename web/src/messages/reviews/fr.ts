import type { Messages } from '../en'

export const reviews: Messages['reviews'] = {
  title: 'Avis',
  none: 'Personne n’a encore donné d’avis.',
  average: (average, count) =>
    count === 1
      ? `${average} étoiles sur 5, d’après un avis`
      : `${average} étoiles sur 5, d’après ${count} avis`,
  stars: (stars) => (stars <= 1 ? '1 étoile' : `${stars} étoiles`),
  rating: 'Comment était-ce ?',
  comment: 'Avec vos mots (tout le monde peut les lire)',
  write: 'Donner un avis',
  edit: 'Modifier l’avis',
  send: 'Publier',
  thanks: 'Merci. Tout le monde peut le lire maintenant.',
  answer: 'Répondre',
  answerEdit: 'Modifier la réponse',
  answerText: 'Votre réponse (tout le monde peut la lire)',
  answerOf: (name) => `Réponse de ${name}`,
}
