export const community = {
  title: 'Community',
  present: 'Who is here',
  nobody: 'Nobody has said so yet.',
  unnamed: 'Somebody',
  since: (when: string) => `since ${when}`,
  checkIn: 'I am here',
  checkOut: 'I am leaving',
  events: 'What is on',
  noEvents: 'Nothing is planned here.',
  attending: (count: number, capacity: number | null) =>
    capacity === null ? `${count} will come` : `${count} of ${capacity} places taken`,
  waiting: (count: number) => `${count} waiting`,
  mine: {
    attending: 'You will come',
    held: 'Your place is held until it is paid',
    waiting: 'You wait for a place',
  },
  attend: 'I will come',
  wait: 'Wait for a place',
  leave: 'I cannot come',
}
