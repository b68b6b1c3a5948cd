/** Writes what openapi-typescript makes of the document at the address given: `bun generate-client.ts URL FILE`. */

import { plugin } from 'bun'

// The generator writes types with TypeScript's own API, which version 7 does not have any more.
plugin({
  name: 'a TypeScript that has an API',
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
