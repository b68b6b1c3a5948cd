import './style.css'
import './operator.css'
import { CSPProvider } from '@base-ui/react/csp-provider'
import { QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { queryClient } from './api'
import { App, preloadPage } from './app'
import { loadMessages, preferredLanguage, TextProvider } from './i18n'
import { isInTelegram } from './telegram/inside'
import { applyTheme, keptTheme } from './theme'
import { Toasts } from './ui/toasts'

applyTheme(keptTheme())
preloadPage(location.pathname)
// A Mini App of Telegram's knows who has opened it; where that does not work out, he signs in as anywhere.
if (isInTelegram()) await import('./telegram/mini-app').then((app) => app.startMiniApp()).catch(() => {})
const language = preferredLanguage()
const root = document.getElementById('root')
if (!root) throw new Error('the page has no root')

createRoot(root).render(
  <StrictMode>
    {/* The policy of the page lets no style stand in it: what components need is in the stylesheet. */}
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={queryClient}>
        <TextProvider first={{ language, t: await loadMessages(language) }}>
          <Toasts>
            <App />
          </Toasts>
        </TextProvider>
      </QueryClientProvider>
    </CSPProvider>
  </StrictMode>,
)
