import { swagger } from '@elysiajs/swagger'
import { generateOpenApiDocument } from 'trpc-to-openapi'
import { version } from '../package.json'
import { appRouter } from './routers'

/** The document at `/swagger/json` and the page at `/swagger`, from the procedures themselves. */
export function docsDoor(publicUrl: string) {
  const { openapi, components, paths, tags } = generateOpenApiDocument(appRouter, {
    title: 'CoworkSpace',
    version,
    baseUrl: `${publicUrl}/api`,
  })
  return swagger({
    path: '/swagger',
    provider: 'scalar',
    excludeStaticFile: true,
    exclude: [/^\/(?!$)/],
    documentation: {
      ...{ openapi },
      info: {
        title: 'CoworkSpace',
        version,
        description: 'Bookings for coworking operators: hold, book, and watch it live.',
      },
      servers: [{ url: `${publicUrl}/api` }],
      // Two typings of the same standard: the document is OpenAPI 3.1, the plugin's types know 3.0.
      paths: paths as never,
      components: components as never,
      tags: tags as never,
    },
  })
}
