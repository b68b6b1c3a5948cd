import type { Messages } from '../en'

export const reviews: Messages['reviews'] = {
  title: 'Avis',
  none: 'Pas encore d’avis.',
  average: (average, count) =>
    count === 1
      ? `${average} étoiles sur 5, d’après un avis`
      : `${average} étoiles sur 5, d’après ${count} avis`,
  stars: (stars) => (stars <= 1 ? '1 étoile' : `${stars} étoiles`),
  rating: 'Comment cela s’est-il passé ?',
  comment: 'Votre avis (public)',
  write: 'Donner un avis',
  edit: 'Modifier l’avis',
  send: 'Publier',
  thanks: 'Merci. Votre avis est publié.',
  answer: 'Répondre',
  answerEdit: 'Modifier la réponse',
  answerText: 'Votre réponse (publique)',
  answerOf: (name) => `Réponse de ${name}`,
}
