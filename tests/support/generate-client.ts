/** Generates types from the OpenAPI document at a URL: `bun generate-client.ts URL FILE`. */

import { plugin } from 'bun'

// openapi-typescript needs TypeScript's compiler API, which version 7 no longer has.
plugin({
  name: 'TypeScript with a compiler API',
  setup(build) {
    build.module('typescript', async () => ({
      exports: { ...(await import('typescript-api')) },
      loader: 'object',
    }))
  },
})

const [url = '', file = ''] = process.argv.slice(2)
const { default: openapiTS, astToString } = await import('openapi-typescript')
await Bun.write(file, astToString(await openapiTS(new URL(url))))
