import { createHash, timingSafeEqual } from 'node:crypto'
import type { Deps } from '../../context'
import { AppError } from '../../errors'
import { readBodyText } from '../../lib/request'
import { TelegramUpdateIdSchema, TelegramUpdateSchema } from '../../schemas/telegram'
import { storeUpdate } from '../../services/jobs/telegram-updates'
import { jsonAnswer } from '../answers'
import type { Handler, Route } from '../pipeline'

/** The header in which Telegram sends the secret that it was given with the address of the webhook. */
const SECRET_HEADER = 'x-telegram-bot-api-secret-token'

/**
 * Where Telegram tells what people write to the bot, at `/webhooks/telegram`. The answer is 200 once an update is stored, and
 * what follows from it is the queue's. One that is none of the bot's business, or of no shape that it knows, is passed over
 * with 200 too: Telegram would send it again for a day.
 */
export function telegramRoutes(deps: Deps): Route[] {
  const handle: Handler = async (request) => {
    refuseUnlessTelegram(deps, request)
    const sent = jsonOf(await readBodyText(request))
    const update = TelegramUpdateSchema.safeParse(sent)
    if (update.success) await storeUpdate(deps, update.data)
    else if (!TelegramUpdateIdSchema.safeParse(sent).success)
      deps.log.warn({ issues: update.error.issues.length }, 'what came for the bot is no update of Telegram')
    else deps.log.debug('an update of Telegram was passed over')
    return jsonAnswer({ received: true })
  }
  return [{ method: 'POST', path: '/webhooks/telegram', handle }]
}

/** @throws NOT_SIGNED_IN for whoever does not know the secret, and for everybody where there is none */
function refuseUnlessTelegram({ telegram: { webhookSecret } }: Deps, request: Request): void {
  const given = request.headers.get(SECRET_HEADER)
  // Hashes have one length, and the time that comparing them takes says nothing of what they are of.
  const hashOf = (text: string) => createHash('sha256').update(text).digest()
  if (webhookSecret && given !== null && timingSafeEqual(hashOf(given), hashOf(webhookSecret))) return
  throw new AppError('NOT_SIGNED_IN', 'This is for Telegram alone, with the secret that it was given.')
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * The stand-in's door, at `/sandbox/telegram/…`, where there is one: a person without Telegram talks to the bot through it.
 */
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
