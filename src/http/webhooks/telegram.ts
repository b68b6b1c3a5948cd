import { createHash, timingSafeEqual } from 'node:crypto'
import type { Deps } from '../../context'
import { AppError } from '../../errors'
import { readBodyText } from '../../lib/request'
import { TelegramUpdateIdSchema, TelegramUpdateSchema } from '../../schemas/telegram'
import { storeUpdate } from '../../services/jobs/telegram-updates'
import { jsonAnswer } from '../answers'
import type { Handler, Route } from '../pipeline'

const SECRET_HEADER = 'x-telegram-bot-api-secret-token'

/**
 * Receives updates of the bot at `/webhooks/telegram`. Responds with 200 once an update is stored; a job processes it. Also
 * ignores unknown updates with 200, because Telegram would send them again for a day.
 */
export function telegramRoutes(deps: Deps): Route[] {
  const handle: Handler = async (request) => {
    assertFromTelegram(deps, request)
    const body = parseJson(await readBodyText(request))
    const update = TelegramUpdateSchema.safeParse(body)
    if (update.success) await storeUpdate(deps, update.data)
    else if (!TelegramUpdateIdSchema.safeParse(body).success)
      deps.log.warn({ issues: update.error.issues.length }, 'malformed Telegram update ignored')
    else deps.log.debug('unknown Telegram update ignored')
    return jsonAnswer({ received: true })
  }
  return [{ method: 'POST', path: '/webhooks/telegram', handle }]
}

/** @throws NOT_SIGNED_IN without the webhook secret, or if none is set */
function assertFromTelegram({ telegram: { webhookSecret } }: Deps, request: Request): void {
  const given = request.headers.get(SECRET_HEADER)
  // timingSafeEqual needs equal lengths; the hashes also hide the length of the secret.
  const hashOf = (text: string) => createHash('sha256').update(text).digest()
  if (webhookSecret && given !== null && timingSafeEqual(hashOf(given), hashOf(webhookSecret))) return
  throw new AppError('NOT_SIGNED_IN', 'The Telegram webhook secret is missing or wrong.')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Forwards `/sandbox/telegram/…` to the sandbox, which acts for users without Telegram. */
export function telegramSandboxRoutes({ telegram: { sandbox } }: Deps): Route[] {
  if (!sandbox) return []
  const handle: Handler = async (request) => {
    const url = new URL(request.url)
    url.pathname = url.pathname.replace(/^\/sandbox\/telegram/, '')
    const body = request.method === 'GET' ? undefined : await readBodyText(request)
    return sandbox(new Request(url.href, { method: request.method, ...(body !== undefined && { body }) }))
  }
  return [
    { method: 'GET', path: '/sandbox/telegram/*', handle },
    { method: 'POST', path: '/sandbox/telegram/*', handle },
  ]
}
