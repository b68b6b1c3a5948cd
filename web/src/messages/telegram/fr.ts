import type { Messages } from '../en'

export const telegram: Messages['telegram'] = {
  text: 'Le bot vous informe de vos réservations et peut réserver pour vous.',
  link: 'Lier Telegram',
  open: 'Ouvrir Telegram',
  code: (code, until) => `Ou écrivez « /start ${code} » au bot, avant : ${until}.`,
  linked: (name) => `Lié : ${name}`,
  unreachable: 'Le bot ne peut pas vous écrire. Ouvrez-le et appuyez sur Démarrer.',
  onlyWay: 'Une fois l’e-mail et le mot de passe définis, vous pourrez le délier.',
  unlink: 'Délier',
  unlinkTitle: 'Délier Telegram ?',
  notSignedIn: 'Telegram n’a pas pu vous connecter.',
  unlinkText: 'Le bot ne vous préviendra plus, et vous ne pourrez plus vous connecter avec Telegram.',
}
