import type { Reason, SignedIn, User } from './api'
import { isRefused } from './errors'

type Maybe<T> = T | Promise<T>

export type SessionOptions = {
  /** Returns the access token, or nothing if the user is signed out. Called for each request. */
  getToken?: () => Maybe<string | null | undefined>
  /** Returns the refresh token. Without it, a call with an expired access token fails. */
  getRefreshToken?: () => Maybe<string | null | undefined>
  /** Stores the tokens. Called after each sign-in and refresh, and with null when the session is over. */
  onTokens?: (tokens: SignedIn | null) => Maybe<void>
}

export type Session = {
  token(): Promise<string | undefined>
  /** Renews a token, once for concurrent callers. @returns whether there is a newer one */
  renew(old: string | undefined): Promise<boolean>
  /**
   * Handles the refusal of a call. Renews a token that is expired or unknown. If the renewed token is unknown too, the
   * session is over.
   * @param isNew whether the token replaced a refused one
   * @returns whether to repeat the call with a newer token
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
    // A sign-in or sign-out meanwhile, here or in another tab, stored newer tokens.
    const isStillStored = async () => (await getRefreshToken?.()) === refreshToken
    try {
      const tokens = await refresh(refreshToken)
      if (await isStillStored()) await changed(tokens)
      return true
    } catch (error) {
      if (isRefused(error, 'REFRESH_INVALID', 'REFRESH_REUSED') && (await isStillStored()))
        await changed(null)
      return false
    }
  }

  async function renewed(old: string): Promise<boolean> {
    const current = await token()
    // Another call or another tab has renewed it since this call was sent.
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

export type TokenStorage = {
  getItem(name: string): string | null
  setItem(name: string, value: string): void
  removeItem(name: string): void
}

export type KeptTokens = {
  getToken(): string | undefined
  getRefreshToken(): string | undefined
  /** The user whose tokens are stored. */
  getUser(): User | undefined
  onTokens(tokens: SignedIn | null): void
}

/**
 * Returns session options that store the tokens in `storage`, or in memory without one.
 * @example createClient({ url, ...keepTokens(localStorage) })
 */
export function keepTokens(storage?: TokenStorage, name = 'coworkspace'): KeptTokens {
  let stored: string | null = null
  const read = (): Partial<SignedIn> => JSON.parse((storage ? storage.getItem(name) : stored) ?? '{}')
  return {
    getToken: () => read().accessToken,
    getRefreshToken: () => read().refreshToken,
    getUser: () => read().user,
    onTokens(tokens) {
      stored = tokens && JSON.stringify(tokens)
      if (stored === null) storage?.removeItem(name)
      else storage?.setItem(name, stored)
    },
  }
}
