import path from 'node:path'
import type { Elysia } from 'elysia'
import { version as uiVersion } from 'swagger-ui-dist/package.json'
import { noSuchPath } from '../errors'
import { root } from '../lib/project-root'
import type { Handler, Route } from './pipeline'

const ASSETS = `/swagger/assets/${uiVersion}`
const FILES = new Map([
  ['page.js', path.join(root, 'src/http/openapi/page.js')],
  ['swagger-ui-bundle.js', Bun.resolveSync('swagger-ui-dist/swagger-ui-bundle.js', root)],
  ['swagger-ui.css', Bun.resolveSync('swagger-ui-dist/swagger-ui.css', root)],
])
const PAGES = ['/swagger', '/swagger/json', '/swagger/socket', '/swagger/socket/json']

/**
 * The API reference: the OpenAPI document at `/swagger/json` and its page at `/swagger`; the socket's AsyncAPI document at
 * `/swagger/socket/json` and its page at `/swagger/socket`. The pages load everything from this server: the plugin's own
 * page would load its script from a CDN. Built on the first request, because building takes as long as the rest of a start.
 */
export function docsRoutes(publicUrl: string): Route[] {
  const policy = contentSecurityPolicy(publicUrl)
  let pages: Promise<Elysia> | undefined
  const page: Handler = async (request) => {
    pages ??= import('./openapi/pages').then(({ docsPages }) => docsPages(publicUrl, `${ASSETS}/page.js`))
    const response = await (await pages).handle(request)
    response.headers.set('content-security-policy', policy)
    return response
  }
  const asset: Handler = (_request, { file = '' }) => {
    const found = FILES.get(file)
    if (!found) throw noSuchPath()
    return new Response(Bun.file(found), {
      headers: { 'cache-control': 'public, max-age=86400', 'content-security-policy': policy },
    })
  }
  return [
    { method: 'GET', path: `${ASSETS}/:file`, handle: asset },
    ...PAGES.map((path): Route => ({ method: 'GET', path, handle: page })),
  ]
}

/** Only this server and the public address of the API. */
const contentSecurityPolicy = (publicUrl: string) =>
  [
    `default-src 'self' 'unsafe-inline'`,
    `img-src 'self' data:`,
    `connect-src 'self' ${publicUrl && new URL(publicUrl).origin}`.trim(),
    `frame-ancestors 'none'`,
  ].join('; ')
