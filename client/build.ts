/**
 * Builds the client package: `dist/index.js` and `dist/index.d.ts`, both without imports. The compiler declares the types of
 * the server's procedures, and a bundler merges them into one file without server-only types such as the context.
 */

import { mkdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Plugin, rolldown } from 'rolldown'
import { dts } from 'rolldown-plugin-dts'

const client = import.meta.dirname
const root = path.dirname(client)

/** Server-only types in the declarations of procedures. They become `object`. */
const SERVER_ONLY = /import\("(\.\.\/context|trpc-to-openapi)"\)\.\w+/g
/** Modules whose declarations are bundled. From the server, only the procedures and the refusals. */
const TAKEN = /^(client|src\/routers|@trpc)(\/|$)|^src\/errors$/

export async function buildClient(out: string): Promise<void> {
  // Inside the repository, so that the declarations find their imports.
  const work = path.join(client, `.build-${process.pid}`)
  try {
    await mkdir(out, { recursive: true })
    await Promise.all([bundleCode(path.join(out, 'index.js')), bundleTypes(work)])
    await rename(path.join(work, 'bundle', 'index.d.ts'), path.join(out, 'index.d.ts'))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function bundleCode(file: string): Promise<void> {
  const bundle = await rolldown({ input: path.join(client, 'src/index.ts'), platform: 'browser' })
  await bundle.write({ file, format: 'esm', minify: true })
  await bundle.close()
}

async function bundleTypes(work: string): Promise<void> {
  await declare(work)
  const bundle = await rolldown({
    input: path.join(work, 'client/src/index.d.ts'),
    plugins: [withoutServer(work), dts({ dtsInput: true, emitDtsOnly: true, tsconfig: false })],
  })
  await bundle.write({ dir: path.join(work, 'bundle'), format: 'esm' })
  await bundle.close()
  const types = await Bun.file(path.join(work, 'bundle/index.d.ts')).text()
  const [left] = /^import .*$|\bimport\(.*?\)/m.exec(types.replaceAll(/\/\*.*?\*\//gs, '')) ?? []
  if (left) throw new Error(`index.d.ts must not import anything, but has: ${left}`)
}

async function declare(work: string): Promise<void> {
  const project = path.join(work, 'tsconfig.json')
  const settings = {
    extends: path.join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      rootDir: root,
      outDir: work,
    },
    include: [path.join(root, 'src/**/*.d.ts')],
    files: [path.join(client, 'src/index.ts')],
  }
  await Bun.write(project, JSON.stringify(settings))
  const tsc = Bun.spawnSync(['bunx', 'tsc', '--project', project], { cwd: root })
  if (tsc.exitCode !== 0) throw new Error(`tsc could not declare the types:\n${tsc.stdout}${tsc.stderr}`)
  for await (const name of new Bun.Glob('src/routers/*.d.ts').scan(work)) {
    const file = path.join(work, name)
    await Bun.write(file, (await Bun.file(file).text()).replaceAll(SERVER_ONLY, 'object'))
  }
}

/** Drops every other import: the bundled declarations do not use it. */
function withoutServer(work: string): Plugin {
  return {
    name: 'without-server',
    resolveId(source, importer) {
      if (!importer?.startsWith(work)) return undefined
      const name = source.startsWith('.')
        ? path.relative(work, path.resolve(path.dirname(importer), source))
        : source
      return TAKEN.test(name) ? undefined : { id: source, external: true, moduleSideEffects: false }
    },
  }
}

if (import.meta.main) {
  const out = path.join(client, 'dist')
  await buildClient(out)
  const code = await Bun.file(path.join(out, 'index.js')).bytes()
  const kB = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`
  const types = Bun.file(path.join(out, 'index.d.ts')).size
  process.stdout.write(
    `index.js ${kB(code.length)}, gzipped ${kB(gzipSync(code, { level: 9 }).length)}; index.d.ts ${kB(types)}\n`,
  )
}
