import type { Reason, SignedIn, User } from './api'
import { isRefused } from './errors'

type Maybe<T> = T | Promise<T>

export type SessionOptions = {
  /** The access token that calls carry; nothing where nobody is signed in. Asked for at every request. */
  getToken?: () => Maybe<string | null | undefined>
  /** The refresh token, for when the access token has expired or is not known. Without it the caller is told. */
  getRefreshToken?: () => Maybe<string | null | undefined>
  /** Told after every sign-in and refresh, and with null once the session is over: the place to keep the tokens. */
  onTokens?: (tokens: SignedIn | null) => Maybe<void>
}

export type Session = {
  token(): Promise<string | undefined>
  /** Replaces a token, once for however many ask at the same time. @returns whether there is a newer one */
  renew(old: string | undefined): Promise<boolean>
  /**
   * Hears that something was refused that carried a token. One that has expired, or that the server does not know, is
   * replaced; where the new one is not known either, nobody is signed in with it.
   * @param isNew whether the token has replaced one that was refused
   * @returns whether there is a newer one, to try it again with
   */
  refused(token: string | undefined, reason: Reason | undefined, isNew: boolean): Promise<boolean>
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
    // Meanwhile somebody may have signed out, or in, here or in another tab: what is kept since is newer.
    const isStillKept = async () => (await getRefreshToken?.()) === refreshToken
    try {
      const tokens = await refresh(refreshToken)
      if (await isStillKept()) await changed(tokens)
      return true
    } catch (error) {
      if (isRefused(error, 'REFRESH_INVALID', 'REFRESH_REUSED') && (await isStillKept())) await changed(null)
      return false
    }
  }

  async function renewed(old: string): Promise<boolean> {
    const current = await token()
    // Somebody else has replaced it since this call went out: another call, or another tab.
    if (old === replaced || (current !== undefined && current !== old)) return true
    renewal ??= replace()
      .then((done) => {
        if (done) replaced = old
        return done
      })
      .finally(() => {
        renewal = undefined
      })
    return renewal
  }
  const renew = async (old: string | undefined) => old !== undefined && renewed(old).catch(() => false)

  async function giveUp(unknown: string): Promise<void> {
    if ((await token()) === unknown) await changed(null)
  }

  return {
    token,
    changed,
    renew,
    async refused(sent, reason, isNew) {
      if (reason !== 'TOKEN_EXPIRED' && reason !== 'NOT_SIGNED_IN') return false
      if (!isNew) return renew(sent)
      if (sent !== undefined && reason === 'NOT_SIGNED_IN') await giveUp(sent).catch(() => {})
      return false
    },
  }
}

/** What keeps tokens as text by name, as `localStorage` does. */
export type TokenStorage = {
  getItem(name: string): string | null
  setItem(name: string, value: string): void
  removeItem(name: string): void
}

export type KeptTokens = {
  getToken(): string | undefined
  getRefreshToken(): string | undefined
  /** Whose tokens they are, as the server said when it gave them. */
  getUser(): User | undefined
  onTokens(tokens: SignedIn | null): void
}

/**
 * The three options of a session over one storage; without one, over this process's memory.
 * @example createClient({ url, ...keepTokens(localStorage) })
 */
export function keepTokens(storage?: TokenStorage, name = 'coworkspace'): KeptTokens {
  let kept: string | null = null
  const read = (): Partial<SignedIn> => JSON.parse((storage ? storage.getItem(name) : kept) ?? '{}')
  return {
    getToken: () => read().accessToken,
    getRefreshToken: () => read().refreshToken,
    getUser: () => read().user,
    onTokens(tokens) {
      kept = tokens && JSON.stringify(tokens)
      if (kept === null) storage?.removeItem(name)
      else storage?.setItem(name, kept)
    },
  }
}
