import { on, postEventFp } from '@tma.js/bridge'
import { navigate } from 'wouter/use-browser-location'
import { client } from '../api'
import { isLanguageChosen, keepLanguage } from '../i18n'
import { PATHS } from '../paths'
import { isSignedInWith, keepSignedInWith } from './inside'
import { followTheme, themeOf } from './theme'

/** Sets up Telegram's theme and back button. */
export function startMiniApp(launch: URLSearchParams): void {
  followTheme(themeOf(launch.get('tgWebAppThemeParams')))
  on('theme_changed', ({ theme_params }) => followTheme(theme_params))
  // Ignored outside Telegram, for example if its launch URL was copied.
  postEventFp('web_app_ready')
  postEventFp('web_app_expand')
  followBack()
}

/** Signs the user in, once per launch, and uses their language unless one was chosen in this browser. */
export async function signInByLaunch(launch: URLSearchParams): Promise<void> {
  const initData = launch.get('tgWebAppData')
  if (!initData || isSignedInWith(initData)) return
  const { user } = await client.auth.telegram.mutate({ initData })
  keepSignedInWith(initData)
  if (!isLanguageChosen()) keepLanguage(user.language)
}

/** Connects Telegram's back button to the history. On the home page without history it is hidden. */
function followBack(): void {
  let steps = 0
  const show = () =>
    postEventFp('web_app_setup_back_button', { is_visible: steps > 0 || location.pathname !== PATHS.home })
  // Wouter dispatches these two events on navigation.
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
