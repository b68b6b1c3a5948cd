import { runAdmin } from '../../src/cli/program'

export type Ran = { code: number; out: string; err: string; json: <T = Record<string, unknown>>() => T }

/** Runs a command of the CLI with these settings and captures its output. */
export async function admin(environment: Record<string, string>, ...words: string[]): Promise<Ran> {
  let out = ''
  let err = ''
  const code = await runAdmin(words, {
    environment: { NODE_ENV: 'test', ...environment },
    terminal: false,
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
  })
  return { code, out, err, json: () => JSON.parse(out) }
}
