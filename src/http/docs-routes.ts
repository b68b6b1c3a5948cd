import path from 'node:path'
import { Elysia } from 'elysia'
import { version as uiVersion } from 'swagger-ui-dist/package.json'
import { root } from '../lib/project-root'

const ASSETS = `/swagger/assets/${uiVersion}`
const files: Record<string, string> = {
  'page.js': path.join(root, 'src/http/openapi/page.js'),
  'swagger-ui-bundle.js': Bun.resolveSync('swagger-ui-dist/swagger-ui-bundle.js', root),
  'swagger-ui.css': Bun.resolveSync('swagger-ui-dist/swagger-ui.css', root),
}

/**
 * The document at `/swagger/json` and the page at `/swagger`, both from the procedures themselves; the messages of the
 * socket at `/swagger/socket` (a page) and `/swagger/socket/json` (AsyncAPI). The pages load what they need from here:
 * the plugin's own page would fetch its script from elsewhere, so it is given ours, which shows Swagger UI. All of it is made
 * when somebody first asks for it: making it takes as long as the rest of a start.
 */
export function docsRoutes(publicUrl: string) {
  let made: Promise<Elysia> | undefined
  const handle = async ({ request }: { request: Request }) => {
    made ??= import('./openapi/pages').then(({ docsPages }) => docsPages(publicUrl, `${ASSETS}/page.js`))
    return (await made).handle(request)
  }
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
    .get('/swagger', handle)
    .get('/swagger/json', handle)
    .get('/swagger/socket', handle)
    .get('/swagger/socket/json', handle)
}

/** No page of these talks to another host than the one that serves it, and the public address of the API. */
const pageHeaders = (publicUrl: string) => ({
  'content-security-policy': [
    `default-src 'self' 'unsafe-inline'`,
    `img-src 'self' data:`,
    `connect-src 'self' ${publicUrl && new URL(publicUrl).origin}`.trim(),
    `frame-ancestors 'none'`,
  ].join('; '),
})
