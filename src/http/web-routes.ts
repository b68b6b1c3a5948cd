import { type WebFile, webApp } from '../../web/build'
import { ASSETS, PATHS } from '../../web/src/paths'
import { noSuchPath } from '../errors'
import type { Handler, Route } from './pipeline'

/** Other servers that the content security policy of the pages allows. */
type AllowedHosts = {
  /** Stripe's card fields load their script from Stripe. */
  stripe: boolean
  /** Telegram's web version shows the app in a frame. */
  telegram: boolean
}

/** Prefixes of programs: an unknown path below one is refused in JSON, never with a page. */
const OF_PROGRAMS = /^\/(api|trpc|assets|webhooks?|sandbox|swagger|realtime|metrics)(\/|$)/

/** The web app: one page at each of its paths, its assets under names with a hash, and a "not found" page elsewhere. */
export function webRoutes(hosts: AllowedHosts): Route[] {
  const pageHeaders = { 'cache-control': 'no-cache', 'content-security-policy': policy(hosts) }
  const page: Handler = async (request) => {
    const { page, pageTag } = await webApp()
    const headers = { ...pageHeaders, etag: pageTag }
    if (request.headers.get('if-none-match') === pageTag) return new Response(null, { status: 304, headers })
    return fileResponse(request, page, headers)
  }
  const asset: Handler = async (request, { file = '' }) => {
    const found = (await webApp()).assets.get(file)
    if (!found) throw noSuchPath()
    return fileResponse(request, found, { 'cache-control': 'public, max-age=31536000, immutable' })
  }
  const notFound: Handler = async (request) => {
    const wantsPage = request.method === 'GET' && request.headers.get('accept')?.includes('text/html')
    if (!wantsPage || OF_PROGRAMS.test(new URL(request.url).pathname)) throw noSuchPath()
    return fileResponse(request, (await webApp()).page, pageHeaders, 404)
  }
  return [
    ...Object.values(PATHS).map((path): Route => ({ method: 'GET', path, handle: page })),
    { method: 'GET', path: `${ASSETS}:file`, handle: asset },
    // ALL, because Elysia prefers a GET of this path to an ALL of a more exact one.
    { method: 'ALL', path: '/*', handle: notFound },
  ]
}

/** Allows this server and the given hosts, and no inline script or style. */
function policy({ stripe, telegram }: AllowedHosts): string {
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

function fileResponse(
  request: Request,
  file: WebFile,
  headers: Record<string, string>,
  status = 200,
): Response {
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
