/** Builds the web app in memory, when it is first requested. */

import path from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { root } from '../src/lib/project-root'
import { ASSETS } from './src/paths'

export type WebFile = { type: string; raw: Uint8Array; gzip: Uint8Array; br: Uint8Array }
/** The page that is served at every path of the app, and its assets by file name. */
export type WebApp = { page: WebFile; pageTag: string; assets: Map<string, WebFile> }

let built: Promise<WebApp> | undefined

/** Builds once per process. A failed build is not cached. */
export function webApp(): Promise<WebApp> {
  built ??= buildWebApp().catch((error) => {
    built = undefined
    throw error
  })
  return built
}

async function buildWebApp(): Promise<WebApp> {
  const { outputs } = await Bun.build({
    entrypoints: [path.join(root, 'web/src/main.tsx')],
    target: 'browser',
    splitting: true,
    minify: true,
    publicPath: ASSETS,
    naming: { entry: '[name]-[hash].[ext]', chunk: '[name]-[hash].[ext]', asset: '[name]-[hash].[ext]' },
    define: { 'process.env.NODE_ENV': '"production"' },
  })
  const assets = new Map<string, WebFile>()
  for (const output of outputs) {
    assets.set(path.basename(output.path), await compressed(await output.text(), output.type))
  }
  const entry = outputs.find(({ kind, path }) => kind === 'entry-point' && path.endsWith('.js'))
  const style = outputs.find(({ path }) => path.endsWith('.css'))
  if (!entry || !style) throw new Error('the web app build has no script or stylesheet')
  const needed = neededBy(path.basename(entry.path), assets)
  const html = pageOf(path.basename(entry.path), path.basename(style.path), needed)
  const page = await compressed(html, 'text/html; charset=utf-8')
  return { page, pageTag: `"${Bun.hash(html).toString(36)}"`, assets }
}

/** The scripts that a script imports statically, directly or not. Preloading them avoids a chain of requests. */
function neededBy(script: string, assets: WebApp['assets'], found = new Set<string>()): Set<string> {
  const text = new TextDecoder().decode(assets.get(script)?.raw)
  for (const [, name] of text.matchAll(STATIC_IMPORT)) {
    if (name === undefined || found.has(name)) continue
    found.add(name)
    neededBy(name, assets, found)
  }
  return found
}
/** As the bundler writes static imports; dynamic ones use `import(…)`. */
const STATIC_IMPORT = new RegExp(`(?:from|import)"${ASSETS}([^"]+\\.js)"`, 'g')

const pageOf = (script: string, style: string, needed: Iterable<string>) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<meta name="description" content="Find a desk or a room, hold a time, and book it.">
<title>CoworkSpace</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='8' fill='%230b6b5c'/%3E%3Cpath d='M9 12h14M9 16h14M9 20h8' stroke='white' stroke-width='2.6' stroke-linecap='round'/%3E%3C/svg%3E">
<link rel="stylesheet" href="${ASSETS}${style}">
<script type="module" src="${ASSETS}${script}"></script>
${Array.from(needed, (name) => `<link rel="modulepreload" href="${ASSETS}${name}">`).join('\n')}
</head>
<body>
<div id="root">
<header><span class="brand"><span class="mark"></span>CoworkSpace</span></header>
<p class="state"><span class="spinner"></span></p>
</div>
<noscript>This page needs JavaScript.</noscript>
</body>
</html>
`

const zip = promisify(gzip)
const brotli = promisify(brotliCompress)

async function compressed(text: string, type: string): Promise<WebFile> {
  const raw = Buffer.from(text)
  const [gzipped, br] = await Promise.all([
    zip(raw, { level: 9 }),
    brotli(raw, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
  ])
  return { type, raw, gzip: gzipped, br }
}
