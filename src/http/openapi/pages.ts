import { swagger } from '@elysiajs/swagger'
import { Elysia } from 'elysia'
import { socketDocument, socketPage } from './asyncapi'
import { createDocument, TITLE } from './document'

const HTML = { headers: { 'content-type': 'text/html; charset=utf-8' } }

/** What `/swagger` and all below it answers; made once, as it is the same for everybody. @param script the page's own */
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
        // Two typings of one standard: the document is OpenAPI 3.1, the plugin's types know 3.0.
        documentation: { ...document, info: { ...document.info, title: TITLE } } as never,
      }),
    ) as unknown as Elysia
}
