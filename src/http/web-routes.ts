import { Elysia } from 'elysia'
import { type WebFile, webApp } from '../../web/build'
import { ASSETS, PATHS } from '../../web/src/paths'
import { noSuchPath } from '../errors'

type Guests = {
  /** Cards are paid through Stripe itself, whose script must come from its own server. */
  stripe: boolean
  /** A bot opens the app inside Telegram, whose web version shows it in a frame. */
  telegram: boolean
}

/** What programs ask for: there, and wherever no page is asked for, an address that is none is refused in JSON. */
const OF_PROGRAMS = /^\/(api|trpc|assets|webhooks?|sandbox|swagger|realtime|metrics)(\/|$)/

/**
 * The web app: one page at each of its addresses, and what that page loads, under names that change with the contents.
 * At any other address there is nothing, which the same page says to people.
 * @param guests whom the policy of the page lets in beside the server
 */
export function webRoutes(guests: Guests) {
  const pageHeaders = { 'cache-control': 'no-cache', 'content-security-policy': policy(guests) }
  const door = new Elysia({ name: 'web' })
  for (const path of Object.values(PATHS)) {
    door.get(path, async ({ request }) => {
      const { page, pageTag } = await webApp()
      const headers = { ...pageHeaders, etag: pageTag }
      if (request.headers.get('if-none-match') === pageTag)
        return new Response(null, { status: 304, headers })
      return answer(request, page, headers)
    })
  }
  // Of all methods, since a route of one would come before those of all that are more exact.
  door.all(
    '/*',
    async ({ request, path }) => {
      const wantsPage = request.method === 'GET' && request.headers.get('accept')?.includes('text/html')
      if (!wantsPage || OF_PROGRAMS.test(path)) throw noSuchPath()
      return answer(request, (await webApp()).page, pageHeaders, 404)
    },
    { parse: 'none' },
  )
  return door.get(`${ASSETS}:file`, async ({ request, params: { file } }) => {
    const found = (await webApp()).assets.get(file)
    if (!found) throw noSuchPath()
    return answer(request, found, { 'cache-control': 'public, max-age=31536000, immutable' })
  })
}

/** Nothing runs and nothing is loaded but what this server sends, and Stripe's; no style or script stands in the page itself. */
function policy({ stripe, telegram }: Guests): string {
  const ofStripe = (...hosts: string[]) =>
    stripe ? hosts.map((host) => ` https://${host}.stripe.com`).join('') : ''
  return [
    `default-src 'none'`,
    `script-src 'self'${ofStripe('js', '*.js')}`,
    `style-src 'self'`,
    `img-src 'self' data:${ofStripe('*')}`,
    `connect-src 'self'${ofStripe('api')}`,
    ...(stripe ? [`frame-src${ofStripe('js', '*.js', 'hooks')}`] : []),
    `base-uri 'none'`,
    `form-action 'self'`,
    `frame-ancestors ${telegram ? 'https://web.telegram.org' : `'none'`}`,
  ].join('; ')
}

function answer(request: Request, file: WebFile, headers: Record<string, string>, status = 200): Response {
  const accepted = request.headers.get('accept-encoding') ?? ''
  const encoding = (['br', 'gzip'] as const).find((name) => accepted.includes(name))
  return new Response(file[encoding ?? 'raw'] as Uint8Array<ArrayBuffer>, {
    status,
    headers: {
      ...headers,
      'content-type': file.type,
      vary: 'Accept-Encoding',
      ...(encoding && { 'content-encoding': encoding }),
    },
  })
}
