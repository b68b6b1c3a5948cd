import { on, postEventFp } from '@tma.js/bridge'
import { navigate } from 'wouter/use-browser-location'
import { client } from '../api'
import { isLanguageChosen, keepLanguage } from '../i18n'
import { PATHS } from '../paths'
import { isSignedInWith, keepSignedInWith } from './inside'
import { followTheme, themeOf } from './theme'

/** Runs the app as a Mini App: in Telegram's colours, and with its button that leads back. */
export function startMiniApp(launch: URLSearchParams): void {
  followTheme(themeOf(launch.get('tgWebAppThemeParams')))
  on('theme_changed', ({ theme_params }) => followTheme(theme_params))
  // Where it is only the address that comes from Telegram, nobody listens.
  postEventFp('web_app_ready')
  postEventFp('web_app_expand')
  followBack()
}

/** Signs in who has opened it, and shows the app in his language where none was chosen. One session a launch. */
export async function signInByLaunch(launch: URLSearchParams): Promise<void> {
  const initData = launch.get('tgWebAppData')
  if (!initData || isSignedInWith(initData)) return
  const { user } = await client.auth.telegram.mutate({ initData })
  keepSignedInWith(initData)
  if (!isLanguageChosen()) keepLanguage(user.language)
}

/** Telegram's own button leads back page by page, in the end to the first one, and is there only where there is a way back. */
function followBack(): void {
  let steps = 0
  const show = () =>
    postEventFp('web_app_setup_back_button', { is_visible: steps > 0 || location.pathname !== PATHS.home })
  // Wouter says these two of every address that it moves to.
  window.addEventListener('pushState', () => {
    steps += 1
    show()
  })
  window.addEventListener('replaceState', show)
  window.addEventListener('popstate', () => {
    steps = Math.max(0, steps - 1)
    show()
  })
  on('back_button_pressed', () => {
    if (steps > 0) history.back()
    else navigate(PATHS.home, { replace: true })
  })
  show()
}
