import './style.css'
import './operator.css'
import { CSPProvider } from '@base-ui/react/csp-provider'
import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { queryClient } from './api'
import { App, preloadOften, preloadPage } from './app'
import { loadMessages, preferredLanguage, TextProvider } from './i18n'
import { takeLaunch } from './telegram/inside'
import { NotSignedIn } from './telegram/not-signed-in'
import { applyTheme, keptTheme } from './theme'
import { keepPlaces } from './ui/places'
import { Toasts } from './ui/toasts'

applyTheme(keptTheme())
preloadPage(location.pathname)
keepPlaces()
const launch = takeLaunch()
// A Telegram Mini App signs the user in from its launch data. If that fails, it shows why, and normal sign-in works.
const inTelegram = launch && (await launchIn(launch))
const language = preferredLanguage()
const root = document.getElementById('root')
if (!root) throw new Error('the page has no #root element')

createRoot(root).render(
  <StrictMode>
    {/* The content security policy allows no inline styles. */}
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={queryClient}>
        <TextProvider first={{ language, t: await loadMessages(language) }}>
          <Toasts>
            {inTelegram?.error !== undefined && <NotSignedIn {...inTelegram} />}
            <App />
          </Toasts>
        </TextProvider>
      </QueryClientProvider>
    </CSPProvider>
  </StrictMode>,
)
preloadOften()

async function launchIn(launch: URLSearchParams): Promise<{ error: unknown; retry(): Promise<void> }> {
  const retry = () => import('./telegram/mini-app').then((app) => app.signInByLaunch(launch))
  try {
    const app = await import('./telegram/mini-app')
    app.startMiniApp(launch)
    await app.signInByLaunch(launch)
    return { error: undefined, retry }
  } catch (error) {
    return { error, retry }
  }
}
