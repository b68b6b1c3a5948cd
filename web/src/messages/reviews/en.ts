export const reviews = {
  title: 'Reviews',
  none: 'No reviews yet.',
  average: (average: string, count: number) =>
    count === 1 ? `${average} out of 5 stars, 1 review` : `${average} out of 5 stars, ${count} reviews`,
  stars: (stars: number) => (stars === 1 ? '1 star' : `${stars} stars`),
  rating: 'How was it?',
  comment: 'Your review (public)',
  write: 'Write a review',
  edit: 'Edit review',
  send: 'Publish',
  thanks: 'Thank you. Your review is public now.',
  answer: 'Reply',
  answerEdit: 'Edit reply',
  answerText: 'Your reply (public)',
  answerOf: (name: string) => `Reply from ${name}`,
}
