/** Session storage keys of the launch data and of the data that has signed the user in. */
const LAUNCHED_WITH = 'coworkspace-telegram'
const SIGNED_IN_WITH = 'coworkspace-telegram-proof'

/**
 * The launch data from Telegram, also after a reload; undefined outside Telegram. It proves the user's identity, so it is
 * removed from the URL before a link can be shared.
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

/** Whether these launch data have already signed the user in. One session per launch, also after reloads. */
export const isSignedInWith = (initData: string): boolean => proofOfLaunch() === initData
/** The launch data that signed the user in; null outside Telegram. */
export const proofOfLaunch = (): string | null => sessionStorage.getItem(SIGNED_IN_WITH)
export const keepSignedInWith = (initData: string): void => sessionStorage.setItem(SIGNED_IN_WITH, initData)
