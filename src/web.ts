import { Elysia } from 'elysia'
import { type WebFile, webApp } from '../web/build'
import { ASSETS, PATHS } from '../web/src/paths'
import { AppError } from './errors'

/**
 * The web app: one page at each of its addresses, and what that page loads, under names that change with the contents.
 * Any other address stays what it is: nothing.
 */
export function webDoor() {
  const door = new Elysia({ name: 'web' })
  for (const path of Object.values(PATHS)) {
    door.get(path, async ({ request }) => {
      const { page, pageTag } = await webApp()
      const headers = { ...PAGE_HEADERS, etag: pageTag }
      if (request.headers.get('if-none-match') === pageTag)
        return new Response(null, { status: 304, headers })
      return answer(request, page, headers)
    })
  }
  return door.get(`${ASSETS}:file`, async ({ request, params: { file } }) => {
    const found = (await webApp()).assets.get(file)
    if (!found) throw new AppError('NOT_FOUND', 'There is nothing at this address.')
    return answer(request, found, { 'cache-control': 'public, max-age=31536000, immutable' })
  })
}

/** Nothing runs and nothing is loaded but what this server sends; no style or script stands in the page itself. */
const PAGE_HEADERS = {
  'cache-control': 'no-cache',
  'content-security-policy': [
    `default-src 'none'`,
    `script-src 'self'`,
    `style-src 'self'`,
    `img-src 'self' data:`,
    `connect-src 'self'`,
    `base-uri 'none'`,
    `form-action 'self'`,
    `frame-ancestors 'none'`,
  ].join('; '),
}

function answer(request: Request, file: WebFile, headers: Record<string, string>): Response {
  const accepted = request.headers.get('accept-encoding') ?? ''
  const encoding = (['br', 'gzip'] as const).find((name) => accepted.includes(name))
  return new Response(file[encoding ?? 'raw'] as Uint8Array<ArrayBuffer>, {
    headers: {
      ...headers,
      'content-type': file.type,
      vary: 'Accept-Encoding',
      ...(encoding && { 'content-encoding': encoding }),
    },
  })
}
