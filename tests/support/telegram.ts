import { createHash, createHmac } from 'node:crypto'
import type { RunningServer } from '../../src/server'

/** Signs as Telegram documents it, without the server's own code, so that a mistake there is noticed. */

export type Fields = Record<string, string>

const checkString = (fields: Fields) =>
  Object.keys(fields)
    .sort()
    .map((name) => `${name}=${fields[name]}`)
    .join('\n')

/** core.telegram.org/widgets/login#checking-authorization */
export function signWidget(token: string, fields: Fields): Fields {
  const secret = createHash('sha256').update(token).digest()
  return { ...fields, hash: createHmac('sha256', secret).update(checkString(fields)).digest('hex') }
}

/** core.telegram.org/bots/webapps#validating-data-received-via-the-mini-app */
export function signMiniApp(token: string, fields: Fields): Fields {
  const secret = createHmac('sha256', 'WebAppData').update(token).digest()
  return { ...fields, hash: createHmac('sha256', secret).update(checkString(fields)).digest('hex') }
}

export const initDataOf = (fields: Fields) => new URLSearchParams(fields).toString()

let people = 0
/** A Telegram id that is unique in this file. */
export const freshTelegramId = () => 5_000_000_000 + Math.floor(Math.random() * 1e9) * 100 + (people++ % 100)

export const nowSeconds = () => Math.floor(Date.now() / 1000)

/** The data of the login widget, before it is signed. */
export const widgetOf = (id = freshTelegramId(), more: Fields = {}): Fields => ({
  id: String(id),
  first_name: 'Ada',
  last_name: 'Lovelace',
  username: `ada_${id}`,
  photo_url: 'https://t.me/i/userpic/320/ada.jpg',
  auth_date: String(nowSeconds()),
  ...more,
})

/** The data of a Mini App, before it is signed. */
export const miniAppOf = (id = freshTelegramId(), more: Fields = {}): Fields => ({
  user: JSON.stringify({
    id,
    first_name: 'Ada',
    last_name: 'Lovelace',
    username: `ada_${id}`,
    language_code: 'it',
    allows_write_to_pm: true,
  }),
  chat_instance: '-3788475317572404878',
  chat_type: 'private',
  auth_date: String(nowSeconds()),
  signature: 'zL-ucjNyREiHDE8aihFwpfR9aggP2xiAo3NSpfe-p7IbCisNlDKlo7Kb6G4D0Ao2mBrSgEk4maLSdv6MLIlADQ',
  ...more,
})

/** Widget data signed for this server's bot. */
export const proofOf = ({ deps }: RunningServer, id?: number) =>
  signWidget(deps.telegram.token(), widgetOf(id))

/** The address of a Mini App as Telegram opens it. */
export function launchOf(initData: string, theme: Fields): string {
  const params = new URLSearchParams({
    tgWebAppData: initData,
    tgWebAppVersion: '8.0',
    tgWebAppPlatform: 'tdesktop',
    tgWebAppThemeParams: JSON.stringify(theme),
  })
  return `/#${params}`
}
