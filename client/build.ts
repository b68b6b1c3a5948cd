/**
 * Builds the package: `dist/index.js` with all it needs inside, and `dist/index.d.ts`, which imports nothing. The types of
 * the procedures are the server's own, declared by the compiler and rolled into one file; what only the server can know
 * (its context, its database) is left out on the way.
 */

import { mkdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Plugin, rolldown } from 'rolldown'
import { dts } from 'rolldown-plugin-dts'

const client = import.meta.dirname
const root = path.dirname(client)

/** What the types of procedures mention and no client can use: it becomes nothing in particular. */
const SERVER_ONLY = /import\("(\.\.\/context|trpc-to-openapi)"\)\.\w+/g
/** What the declarations are made of: of the server only its procedures and its refusals. */
const TAKEN = /^(client|src\/routers|@trpc)(\/|$)|^src\/errors$/

/** @param out the folder that gets `index.js` and `index.d.ts` */
export async function buildClient(out: string): Promise<void> {
  // Inside the repository, so that what the declarations import is found.
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
  if (left) throw new Error(`the types do not stand alone, they need: ${left}`)
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
    // Where what has no types of its own is declared.
    include: [path.join(root, 'src/**/*.d.ts')],
    files: [path.join(client, 'src/index.ts')],
  }
  await Bun.write(project, JSON.stringify(settings))
  const tsc = Bun.spawnSync(['bunx', 'tsc', '--project', project], { cwd: root })
  if (tsc.exitCode !== 0) throw new Error(`the types could not be declared:\n${tsc.stdout}${tsc.stderr}`)
  for await (const name of new Bun.Glob('src/routers/*.d.ts').scan(work)) {
    const file = path.join(work, name)
    await Bun.write(file, (await Bun.file(file).text()).replaceAll(SERVER_ONLY, 'object'))
  }
}

/** Whatever else of the server the declarations mention is mentioned in vain, and falls away. */
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
