export const reviews = {
  title: 'Reviews',
  none: 'Nobody has written a review yet.',
  average: (average: string, count: number) =>
    count === 1 ? `${average} of 5 stars, from one review` : `${average} of 5 stars, from ${count} reviews`,
  stars: (stars: number) => (stars === 1 ? '1 star' : `${stars} stars`),
  rating: 'How was it?',
  comment: 'In your words (everybody can read them)',
  write: 'Write a review',
  edit: 'Change the review',
  send: 'Publish',
  thanks: 'Thank you. Everybody can read it now.',
  answer: 'Answer',
  answerEdit: 'Change the answer',
  answerText: 'Your answer (everybody can read it)',
  answerOf: (name: string) => `Answer of ${name}`,
}
