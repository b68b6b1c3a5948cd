import type { Messages } from '../en'

export const telegram: Messages['telegram'] = {
  text: 'Il bot ti avvisa sulle tue prenotazioni e può prenotare per te.',
  link: 'Collega Telegram',
  open: 'Apri Telegram',
  code: (code, until) => `Oppure scrivi “/start ${code}” al bot, entro ${until}.`,
  linked: (name) => `Collegato: ${name}`,
  unreachable: 'Il bot non può scriverti. Aprilo e premi Avvia.',
  onlyWay: 'Dopo aver impostato e-mail e password potrai scollegarlo.',
  unlink: 'Scollega',
  unlinkTitle: 'Scollegare Telegram?',
  notSignedIn: 'Telegram non è riuscito a farti accedere.',
  unlinkText: 'Il bot non ti avviserà più e non potrai più accedere con Telegram.',
}
