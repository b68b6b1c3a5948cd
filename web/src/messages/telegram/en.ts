export const telegram = {
  text: 'The bot tells you what happens with your bookings, and books for you.',
  link: 'Link Telegram',
  open: 'Open Telegram',
  code: (code: string, until: string) => `Or write “/start ${code}” to the bot, by ${until}.`,
  linked: (name: string) => `Linked: ${name}`,
  unreachable: 'The bot may not write to you. Open it and press Start.',
  onlyWay: 'Once you have set an e-mail and a password, you can unlink it.',
  unlink: 'Unlink',
  unlinkTitle: 'Unlink Telegram?',
  notSignedIn: 'Telegram could not sign you in.',
  unlinkText: 'The bot no longer tells you anything, and you can no longer sign in with it.',
}
