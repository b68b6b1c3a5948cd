export const telegram = {
  text: 'The bot notifies you about your bookings and can book for you.',
  link: 'Link Telegram',
  open: 'Open Telegram',
  code: (code: string, until: string) => `Or send “/start ${code}” to the bot by ${until}.`,
  linked: (name: string) => `Linked: ${name}`,
  unreachable: 'The bot cannot message you. Open it and press Start.',
  onlyWay: 'To unlink it, set an email and password first.',
  unlink: 'Unlink',
  unlinkTitle: 'Unlink Telegram?',
  notSignedIn: 'Telegram could not sign you in.',
  unlinkText: 'The bot stops notifying you, and you can no longer sign in with Telegram.',
}
