/** `bun run env:example` writes `.env.example` from the schema of the environment; a test holds the two together. */

import type { z } from 'zod'
import { EnvSchema } from '../src/env'

/** Every setting with what it means, and its default or an example behind a `#`: copied as it is, it changes nothing. */
export function envExample(): string {
  const settings = Object.entries(EnvSchema.shape).map(([name, type]) => {
    const { description, example } = type.meta() ?? {}
    return `# ${description}\n# ${name}=${defaultOf(type) || example || ''}\n`
  })
  return `${HEAD}\n${settings.join('\n')}`
}

const HEAD = `# Settings of the server. Copy this file to .env and take the # away from what you want to change.
# Written by \`bun run env:example\`; what stands behind a name is its default, or an example where it has none.
`

function defaultOf(type: z.ZodType): string {
  const { data } = type.safeParse(undefined)
  return data === undefined ? '' : String(data)
}

if (import.meta.main) await Bun.write('.env.example', envExample())
