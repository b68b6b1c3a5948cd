import { on, postEvent, retrieveLaunchParams, retrieveRawInitData } from '@tma.js/bridge'
import { client, queryClient } from '../api'
import type { Language } from '../i18n'
import { isSignedInWith, keepSignedInWith } from './inside'
import { followTheme } from './theme'

/**
 * Runs the app as a Mini App: in Telegram's colours, and signed in as who opened it.
 * @returns the language of a person who has come in just now
 */
export async function startMiniApp(): Promise<Language | undefined> {
  const initData = retrieveRawInitData()
  followTheme(retrieveLaunchParams().tgWebAppThemeParams)
  // It proves who somebody is: not for a link that is passed on.
  history.replaceState(null, '', location.pathname + location.search)
  on('theme_changed', ({ theme_params }) => followTheme(theme_params))
  postEvent('web_app_ready')
  postEvent('web_app_expand')
  if (!initData || isSignedInWith(initData)) return undefined
  const { user } = await client.auth.telegram.mutate({ initData })
  queryClient.clear()
  keepSignedInWith(initData)
  return user.language
}
