import { afterAll, beforeAll, expect, test } from 'bun:test'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { root } from '../src/lib/project-root'
import type { RunningServer } from '../src/server'
import { hasBrowser, inBrowser } from './support/browser'
import { proving } from './support/proof'
import { at, makeSpace, startTestServer, stopTestServers, testDate } from './support/world'

let server: RunningServer
let project: string

/** Installs the packed package into an empty project outside the repository. */
beforeAll(async () => {
  server = await startTestServer({ env: { CORS_ORIGINS: '*' } })
  project = await mkdtemp(path.join(tmpdir(), 'client-of-coworkspace-'))
  await run([process.execPath, 'pm', 'pack', '--destination', project, '--quiet'], path.join(root, 'client'))
  const [tarball = ''] = (await readdir(project)).filter((name) => name.endsWith('.tgz'))
  await Bun.write(path.join(project, 'package.json'), JSON.stringify({ name: 'front-end', type: 'module' }))
  await run([process.execPath, 'add', `./${tarball}`], project)
  await cp(path.join(import.meta.dirname, 'consumer'), project, { recursive: true })
}, 60_000)

afterAll(async () => {
  await stopTestServers()
  await rm(project, { recursive: true, force: true })
})

async function run(command: string[], cwd: string): Promise<string> {
  const { exitCode, output } = await tryRun(command, cwd)
  if (exitCode !== 0) throw new Error(`${command.join(' ')} failed:\n${output}`)
  return output
}

async function tryRun(command: string[], cwd: string): Promise<{ exitCode: number; output: string }> {
  const child = Bun.spawn(command, { cwd, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()])
  return { exitCode: await child.exited, output: output + errors }
}

test('the package has no dependencies, includes its README and is small', async () => {
  const installed = path.join(project, 'node_modules')
  expect(await readdir(installed)).toEqual(['@coworkspace'])
  const files = await readdir(path.join(installed, '@coworkspace/client'), { recursive: true })
  expect(files.filter((name) => name !== '.bun-tag').sort()).toEqual([
    'README.md',
    'dist',
    'dist/index.d.ts',
    'dist/index.js',
    'package.json',
  ])
  const code = await Bun.file(path.join(installed, '@coworkspace/client/dist/index.js')).bytes()
  expect(gzipSync(code).length).toBeLessThan(20_000)
})

// The current compiler, and under PROVE=1 the previous one as well.
for (const compiler of proving ? ['typescript', 'typescript-api'] : ['typescript']) {
  test(`${compiler} in strict mode accepts valid calls and rejects every invalid one`, async () => {
    const tsc = path.join(root, 'node_modules', compiler, 'bin/tsc')
    const options = '--strict --noEmit --module nodenext --target es2023 --skipDefaultLibCheck --pretty false'
    const words = [process.execPath, tsc, ...options.split(' '), 'right.ts', 'wrong.ts']
    const { output } = await tryRun(words, project)

    const refused = [...output.matchAll(/^(\S+)\((\d+),\d+\): error/gm)].map(
      ([, file, line]) => `${file}:${line}`,
    )
    const source = await Bun.file(path.join(project, 'wrong.ts')).text()
    const wrong = source
      .split('\n')
      .flatMap((line, index) => (line.includes('// refused') ? [`wrong.ts:${index + 1}`] : []))
    expect(wrong).toHaveLength(15)
    expect([...new Set(refused)].sort()).toEqual(wrong.sort())
  }, 60_000)
}

type Done = { bookings: unknown[]; first: unknown; last: unknown; refused: boolean }

async function argumentsFor(hour: number) {
  const { id } = await makeSpace(server)
  return [server.url, id, testDate, `${id}@${at(hour)}`, `${Bun.randomUUIDv7()}@example.com`] as const
}

const expected = (hour: number, via: 'socket' | 'events'): Done => ({
  bookings: [{ status: 'confirmed', startsAt: at(hour) }],
  first: { status: 'free', heldByMe: false, live: true, via },
  last: { status: 'booked', heldByMe: false, live: true, via },
  refused: true,
})

const nodeVersion = Bun.which('node')
  ? Bun.spawnSync(['node', '--version']).stdout.toString().trim()
  : undefined
if (!nodeVersion) process.stderr.write('skipped: node is not on the PATH\n')

test.skipIf(!nodeVersion)(
  `the program books a slot and sees it live under Node (${nodeVersion})`,
  async () => {
    const done: Done = JSON.parse(await run(['node', 'run.js', ...(await argumentsFor(9))], project))
    // Node has a built-in WebSocket since version 22.
    const via = Number(nodeVersion?.slice(1).split('.')[0]) < 22 ? 'events' : 'socket'
    expect(done).toEqual(expected(9, via))
  },
)

test('the same program books a slot and sees it live under Bun', async () => {
  const done: Done = JSON.parse(await run([process.execPath, 'run.js', ...(await argumentsFor(10))], project))
  expect(done).toEqual(expected(10, 'socket'))
})

test.skipIf(!hasBrowser())(
  'the same program books a slot and sees it live in Chromium',
  async () => {
    const pages = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      async fetch({ url }) {
        const file = Bun.file(path.join(project, new URL(url).pathname))
        return (await file.exists()) ? new Response(file) : new Response('', { status: 204 })
      },
    })
    const done: Done[] = []
    const { errors } = await inBrowser(`${pages.url}page.html`, async (page) => {
      await page.waitForFunction('window.bookAndWatch')
      for (const live of ['auto', 'events']) {
        const words = JSON.stringify([...(await argumentsFor(11)), live])
        done.push(await page.evaluate(`window.bookAndWatch(...${words})`))
      }
    })
    await pages.stop(true)
    expect(done).toEqual([expected(11, 'socket'), expected(11, 'events')])
    // Each run makes one hold that is refused on purpose.
    expect(errors).toEqual(Array(2).fill(expect.stringMatching(/409.*slots\.hold/)))
  },
  60_000,
)
