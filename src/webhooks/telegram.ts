import { Elysia } from 'elysia'
import type { Deps } from '../context'

/**
 * The stand-in's door, at `/sandbox/telegram/…`, where there is one: a person without Telegram talks to the bot through it.
 */
export function telegramSandboxDoor({ telegram: { sandbox } }: Deps) {
  const app = new Elysia({ name: 'telegram-sandbox' })
  if (!sandbox) return app
  const forward = async ({ request }: { request: Request }) => {
    const url = new URL(request.url)
    url.pathname = url.pathname.replace(/^\/sandbox\/telegram/, '')
    const body = request.method === 'GET' ? undefined : await request.text()
    return sandbox(new Request(url.href, { method: request.method, ...(body !== undefined && { body }) }))
  }
  return app
    .get('/sandbox/telegram/*', forward, { parse: 'none', detail: { hide: true } })
    .post('/sandbox/telegram/*', forward, { parse: 'none', detail: { hide: true } })
}
