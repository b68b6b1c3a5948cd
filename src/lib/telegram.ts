import { createHmac } from 'node:crypto'
import { Api, GrammyError, HttpError } from 'grammy'
import type { UserFromGetMe } from 'grammy/types'
import type { Env } from '../env'
import { AppError } from '../errors'

/** No call is waited for longer; the queue tries again what failed. */
const CALL_TIMEOUT_SECONDS = 12

/** Our bot at Telegram, or at what stands in for it. */
export type TelegramBot = {
  /** Whether there is one. */
  isSetUp: boolean
  /** @throws UNAVAILABLE where no bot is set up */
  api(): Api
  /** What Telegram signs sign-ins with. @throws UNAVAILABLE where no bot is set up */
  token(): string
  /** The number that the bot has at Telegram. @throws UNAVAILABLE */
  id(): number
  /** Who the bot is; asked once. @throws UNAVAILABLE where no bot is set up, or Telegram does not answer */
  me(): Promise<UserFromGetMe>
  /** What each update must carry; null where none is taken. */
  webhookSecret: string | null
  /** What a person may ask of the stand-in, where there is one. */
  sandbox?: ((request: Request) => Promise<Response>) | undefined
}

/** How to reach what stands in for Telegram. */
export type TelegramSandboxLink = { url: string; handle(request: Request): Promise<Response> }

/** Without a token there is a stand-in for Telegram; production is not fooled. */
export const needsTelegramSandbox = (env: Env): boolean =>
  !env.TELEGRAM_BOT_TOKEN && env.NODE_ENV !== 'production'

/**
 * The stand-in's own token and secret. They follow from the secret that signs access tokens, so every server of one
 * installation has the same, and whoever could forge them could sign in without.
 */
export function telegramSandboxKeys({ JWT_SECRET }: Pick<Env, 'JWT_SECRET'>) {
  const derived = (what: string) =>
    createHmac('sha256', JWT_SECRET).update(`telegram-sandbox:${what}`).digest('base64url')
  return { token: `7000000001:${derived('token')}`, webhookSecret: derived('webhook') }
}

/** @param sandbox where there is no token, the stand-in */
export function createTelegramBot(env: Env, sandbox?: TelegramSandboxLink): TelegramBot {
  const keys = needsTelegramSandbox(env) ? telegramSandboxKeys(env) : undefined
  const token = env.TELEGRAM_BOT_TOKEN ?? keys?.token
  const apiRoot = env.TELEGRAM_BOT_TOKEN ? env.TELEGRAM_API_URL : sandbox?.url
  const api =
    token && (env.TELEGRAM_BOT_TOKEN || sandbox)
      ? new Api(token, {
          timeoutSeconds: CALL_TIMEOUT_SECONDS,
          ...(apiRoot && { apiRoot: apiRoot.replace(/\/+$/, '') }),
        })
      : undefined
  const mustBe = <T>(there: T | undefined): T => {
    if (there === undefined) throw new AppError('UNAVAILABLE', 'Telegram is not set up on this server.')
    return there
  }
  let me: Promise<UserFromGetMe> | undefined
  return {
    isSetUp: api !== undefined,
    api: () => mustBe(api),
    token: () => mustBe(token),
    id: () => Number(mustBe(token).split(':')[0]),
    async me() {
      me ??= mustBe(api).getMe()
      try {
        return await me
      } catch (error) {
        me = undefined
        if (!isTelegramError(error)) throw error
        throw new AppError('UNAVAILABLE', 'Telegram does not answer. Please try again.')
      }
    },
    webhookSecret: env.TELEGRAM_BOT_TOKEN
      ? (env.TELEGRAM_WEBHOOK_SECRET ?? null)
      : (keys?.webhookSecret ?? null),
    sandbox: sandbox?.handle,
  }
}

/** Whatever Telegram, or the way to it, said no with. */
export const isTelegramError = (error: unknown): error is GrammyError | HttpError =>
  error instanceof GrammyError || error instanceof HttpError

/** The person has blocked the bot, has never begun to talk to it, or is gone. */
export const isUnreachable = (error: unknown): boolean =>
  error instanceof GrammyError && error.error_code === 403

/** For how long Telegram asks us to wait before we write again; undefined where it does not. */
export const secondsToWait = (error: unknown): number | undefined =>
  error instanceof GrammyError && error.error_code === 429
    ? Math.max(1, error.parameters.retry_after ?? 1)
    : undefined

/** Why Telegram will never take what was sent, such as a chat that is no more; undefined where it may yet. */
export const permanentFailure = (error: unknown): string | undefined =>
  error instanceof GrammyError && error.error_code === 400 ? error.description : undefined
