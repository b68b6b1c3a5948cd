/** Under which what Telegram put into the address is found after a reload, and what has signed somebody in. */
const LAUNCHED_WITH = 'coworkspace-telegram'
const SIGNED_IN_WITH = 'coworkspace-telegram-proof'

/**
 * What Telegram said when it opened this page, now or before a reload; nothing where it did not. It proves who somebody
 * is, so it is taken out of the address: it is not for a link that is passed on.
 */
export function takeLaunch(): URLSearchParams | undefined {
  const { hash, pathname, search } = location
  if (hash.includes('tgWebAppData=')) {
    sessionStorage.setItem(LAUNCHED_WITH, hash.slice(1))
    history.replaceState(null, '', pathname + search)
  }
  const launch = sessionStorage.getItem(LAUNCHED_WITH)
  return launch === null ? undefined : new URLSearchParams(launch)
}

/** Whether whoever this proves to be has been signed in with it: one session a launch, however often it is reloaded. */
export const isSignedInWith = (initData: string): boolean => proofOfLaunch() === initData
/** What proves whose launch this is, where Telegram has opened the page and signed somebody in. */
export const proofOfLaunch = (): string | null => sessionStorage.getItem(SIGNED_IN_WITH)
export const keepSignedInWith = (initData: string): void => sessionStorage.setItem(SIGNED_IN_WITH, initData)
