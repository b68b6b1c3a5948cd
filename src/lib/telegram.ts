import { createHmac } from 'node:crypto'
import { Api, GrammyError, HttpError } from 'grammy'
import type { UserFromGetMe } from 'grammy/types'
import type { Env } from '../env'
import { AppError } from '../errors'

const CALL_TIMEOUT_SECONDS = 12

/** The methods throw UNAVAILABLE if no bot is set up. */
export type TelegramBot = {
  isSetUp: boolean
  api(): Api
  token(): string
  id(): number
  me(): Promise<UserFromGetMe>
  /** The secret that every update must have; null if the webhook is off. */
  webhookSecret: string | null
  sandbox?: ((request: Request) => Promise<Response>) | undefined
}

export type TelegramSandboxLink = { url: string; handle(request: Request): Promise<Response> }

/** Without a token, a sandbox replaces Telegram, except in production. */
export const needsTelegramSandbox = (env: Env): boolean =>
  !env.TELEGRAM_BOT_TOKEN && env.NODE_ENV !== 'production'

/**
 * The sandbox's token and webhook secret, derived from JWT_SECRET: all servers of an installation have the same ones, and
 * they are as hard to forge as an access token.
 */
export function telegramSandboxKeys({ JWT_SECRET }: Pick<Env, 'JWT_SECRET'>) {
  const derive = (purpose: string) =>
    createHmac('sha256', JWT_SECRET).update(`telegram-sandbox:${purpose}`).digest('base64url')
  return { token: `7000000001:${derive('token')}`, webhookSecret: derive('webhook') }
}

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
  const required = <T>(value: T | undefined): T => {
    if (value === undefined) throw new AppError('UNAVAILABLE', 'Telegram is not set up on this server.')
    return value
  }
  let me: Promise<UserFromGetMe> | undefined
  return {
    isSetUp: api !== undefined,
    api: () => required(api),
    token: () => required(token),
    id: () => Number(required(token).split(':')[0]),
    async me() {
      me ??= required(api).getMe()
      try {
        return await me
      } catch (error) {
        me = undefined
        if (!isTelegramError(error)) throw error
        throw new AppError('UNAVAILABLE', 'Telegram is not responding. Try again.')
      }
    },
    webhookSecret: env.TELEGRAM_BOT_TOKEN
      ? (env.TELEGRAM_WEBHOOK_SECRET ?? null)
      : (keys?.webhookSecret ?? null),
    sandbox: sandbox?.handle,
  }
}

export const isTelegramError = (error: unknown): error is GrammyError | HttpError =>
  error instanceof GrammyError || error instanceof HttpError

/** The user blocked the bot, never started it, or deleted the account. */
export const isUnreachable = (error: unknown): boolean =>
  error instanceof GrammyError && error.error_code === 403

export const secondsToWait = (error: unknown): number | undefined =>
  error instanceof GrammyError && error.error_code === 429
    ? Math.max(1, error.parameters.retry_after ?? 1)
    : undefined

/** The reason why a retry cannot help, such as a deleted chat; undefined for other errors. */
export const permanentFailure = (error: unknown): string | undefined =>
  error instanceof GrammyError && error.error_code === 400 ? error.description : undefined
