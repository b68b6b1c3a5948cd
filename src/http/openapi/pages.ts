import { swagger } from '@elysiajs/swagger'
import { Elysia } from 'elysia'
import { socketDocument, socketPage } from './asyncapi'
import { createDocument, TITLE } from './document'

const HTML = { headers: { 'content-type': 'text/html; charset=utf-8' } }

/** Serves the pages and documents below `/swagger`. @param script URL of the page's script */
export function docsPages(publicUrl: string, script: string): Elysia {
  const document = createDocument(`${publicUrl}/api`)
  const channel = socketDocument(publicUrl)
  return new Elysia({ name: 'docs pages' })
    .get('/swagger/socket', () => new Response(socketPage(channel), HTML))
    .get('/swagger/socket/json', () => Response.json(channel))
    .use(
      swagger({
        path: '/swagger',
        provider: 'scalar',
        scalarCDN: script,
        scalarConfig: { spec: { url: '/swagger/json' }, customCss: '' },
        exclude: [/^\//],
        // The document is OpenAPI 3.1; the plugin's types only know 3.0.
        documentation: { ...document, info: { ...document.info, title: TITLE } } as never,
      }),
    ) as unknown as Elysia
}
