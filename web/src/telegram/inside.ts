/** What Telegram puts into the address of the page that it opens, and under which it is found after a reload. */
const LAUNCHED_AS = 'coworkspace-telegram'

/** Whether Telegram has opened this page, now or before a reload. */
export function isInTelegram(): boolean {
  if (location.hash.includes('tgWebAppData=')) sessionStorage.setItem(LAUNCHED_AS, '')
  return sessionStorage.getItem(LAUNCHED_AS) !== null
}

/** Whether whoever this proves to be has been signed in with it: one session a launch, however often it is reloaded. */
export const isSignedInWith = (initData: string): boolean => sessionStorage.getItem(LAUNCHED_AS) === initData
/** What proves whose launch this is, where Telegram has opened the page and signed somebody in. */
export const proofOfLaunch = (): string | null => sessionStorage.getItem(LAUNCHED_AS) || null
export const keepSignedInWith = (initData: string): void => sessionStorage.setItem(LAUNCHED_AS, initData)
