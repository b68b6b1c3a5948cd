import type { SignedIn } from './api'
import { isRefused } from './errors'

type Maybe<T> = T | Promise<T>

export type SessionOptions = {
  /** The access token that calls carry; nothing where nobody is signed in. Asked for at every request. */
  getToken?: () => Maybe<string | null | undefined>
  /** The refresh token, for when the access token has expired. Without it a caller is told `TOKEN_EXPIRED`. */
  getRefreshToken?: () => Maybe<string | null | undefined>
  /** Told after every sign-in and refresh, and with null once the session is over: the place to keep the tokens. */
  onTokens?: (tokens: SignedIn | null) => Maybe<void>
}

export type Session = {
  token(): Promise<string | undefined>
  /** Replaces an expired access token, once for however many ask at the same time. @returns whether there is a newer one */
  renew(expired: string): Promise<boolean>
  changed(tokens: SignedIn | null): Promise<void>
}

export function createSession(
  { getToken, getRefreshToken, onTokens }: SessionOptions,
  refresh: (refreshToken: string) => Promise<SignedIn>,
): Session {
  let renewal: Promise<boolean> | undefined
  let replaced: string | undefined

  const token = async () => (await getToken?.()) || undefined
  const changed = async (tokens: SignedIn | null) => onTokens?.(tokens)

  async function replace(): Promise<boolean> {
    const refreshToken = await getRefreshToken?.()
    if (!refreshToken) return false
    try {
      await changed(await refresh(refreshToken))
      return true
    } catch (error) {
      if (isRefused(error, 'REFRESH_INVALID', 'REFRESH_REUSED')) await changed(null)
      return false
    }
  }

  return {
    token,
    changed,
    async renew(expired) {
      const current = await token()
      // Somebody else has replaced it since this call went out: another call, or another tab.
      if (expired === replaced || (current !== undefined && current !== expired)) return true
      renewal ??= replace()
        .then((done) => {
          if (done) replaced = expired
          return done
        })
        .finally(() => {
          renewal = undefined
        })
      return renewal
    },
  }
}

/** What keeps tokens as text by name, as `localStorage` does. */
export type TokenStorage = {
  getItem(name: string): string | null
  setItem(name: string, value: string): void
  removeItem(name: string): void
}

/**
 * The three options of a session over one storage; without one, over this process's memory.
 * @example createClient({ url, ...keepTokens(localStorage) })
 */
export function keepTokens(storage?: TokenStorage, name = 'coworkspace'): Required<SessionOptions> {
  let kept: string | null = null
  const read = (): Partial<SignedIn> => JSON.parse((storage ? storage.getItem(name) : kept) ?? '{}')
  return {
    getToken: () => read().accessToken,
    getRefreshToken: () => read().refreshToken,
    onTokens(tokens) {
      kept = tokens && JSON.stringify(tokens)
      if (kept === null) storage?.removeItem(name)
      else storage?.setItem(name, kept)
    },
  }
}
