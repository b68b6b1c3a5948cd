import { swagger } from '@elysiajs/swagger'
import { Elysia } from 'elysia'
import { version as uiVersion } from 'swagger-ui-dist/package.json'
import { createDocument, TITLE } from './openapi/document'
import { socketDocument, socketPage } from './openapi/socket'

const ASSETS = `/swagger/assets/${uiVersion}`
const files: Record<string, string> = {
  'page.js': new URL('./openapi/page.js', import.meta.url).pathname,
  'swagger-ui-bundle.js': Bun.resolveSync('swagger-ui-dist/swagger-ui-bundle.js', import.meta.dir),
  'swagger-ui.css': Bun.resolveSync('swagger-ui-dist/swagger-ui.css', import.meta.dir),
}

/**
 * The document at `/swagger/json` and the page at `/swagger`, both from the procedures themselves; the messages of the
 * socket at `/swagger/socket` (a page) and `/swagger/socket/json` (AsyncAPI). The pages load what they need from here:
 * the plugin's own page would fetch its script from elsewhere, so it is given ours, which shows Swagger UI.
 */
export function docsDoor(publicUrl: string) {
  const document = createDocument(`${publicUrl}/api`)
  const channel = socketDocument(publicUrl)
  const headers = pageHeaders(publicUrl)
  return new Elysia({ name: 'docs' })
    .onRequest(({ request, set }) => {
      // The path is looked at first as text: this runs before every request.
      if (request.url.includes('/swagger') && new URL(request.url).pathname.startsWith('/swagger'))
        Object.assign(set.headers, headers)
    })
    .get(`${ASSETS}/:file`, ({ params: { file }, status }) => {
      const found = files[file]
      if (!found) return status(404, 'There is no such file.')
      return new Response(Bun.file(found), { headers: { 'cache-control': 'public, max-age=86400' } })
    })
    .get('/swagger/socket', () => new Response(socketPage(channel), { headers: { 'content-type': HTML } }))
    .get('/swagger/socket/json', () => Response.json(channel))
    .use(
      swagger({
        path: '/swagger',
        provider: 'scalar',
        scalarCDN: `${ASSETS}/page.js`,
        scalarConfig: { spec: { url: '/swagger/json' }, customCss: '' },
        exclude: [/^\//],
        // Two typings of one standard: the document is OpenAPI 3.1, the plugin's types know 3.0.
        documentation: { ...document, info: { ...document.info, title: TITLE } } as never,
      }),
    )
}

const HTML = 'text/html; charset=utf-8'

/** No page of these talks to another host than the one that serves it, and the public address of the API. */
const pageHeaders = (publicUrl: string) => ({
  'content-security-policy': [
    `default-src 'self' 'unsafe-inline'`,
    `img-src 'self' data:`,
    `connect-src 'self' ${publicUrl && new URL(publicUrl).origin}`.trim(),
    `frame-ancestors 'none'`,
  ].join('; '),
})
