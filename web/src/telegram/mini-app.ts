import { on, postEventFp, retrieveLaunchParams, retrieveRawInitData } from '@tma.js/bridge'
import { client, queryClient } from '../api'
import { isLanguageChosen, keepLanguage } from '../i18n'
import { isSignedInWith, keepSignedInWith } from './inside'
import { followTheme } from './theme'

/** Runs the app as a Mini App: in Telegram's colours, signed in as who opened it, and in his language. */
export async function startMiniApp(): Promise<void> {
  const initData = retrieveRawInitData()
  followTheme(retrieveLaunchParams().tgWebAppThemeParams)
  // It proves who somebody is: not for a link that is passed on.
  history.replaceState(null, '', location.pathname + location.search)
  on('theme_changed', ({ theme_params }) => followTheme(theme_params))
  // Where it is only the address that comes from Telegram, nobody listens.
  postEventFp('web_app_ready')
  postEventFp('web_app_expand')
  if (!initData || isSignedInWith(initData)) return
  const { user } = await client.auth.telegram.mutate({ initData })
  queryClient.clear()
  keepSignedInWith(initData)
  if (!isLanguageChosen()) keepLanguage(user.language)
}
