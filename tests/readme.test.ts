import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from './support/port'
import { spawnServer, stopProcesses, whenUp } from './support/process'

const root = path.resolve(import.meta.dir, '..')
const readme = await Bun.file(path.join(root, 'README.md')).text()
const bookingsPage = await Bun.file(path.join(root, 'docs/bookings.md')).text()
const port = freePort()
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'coworkspace-readme-'))
})
afterAll(async () => {
  await stopProcesses()
  await rm(folder, { recursive: true, force: true })
})

/** The fenced blocks of a section, in order. */
function blocks(page: string, section: string): { language: string; text: string }[] {
  const body = page.split(`\n## ${section}\n`)[1]?.split('\n## ')[0] ?? ''
  return [...body.matchAll(/```(\w*)\n([\s\S]*?)```/g)].map(([, language = '', text = '']) => ({
    language,
    text,
  }))
}

/** Masks generated ids and times, which differ between runs. */
const withoutTheMoment = (text: string) =>
  text
    .replace(/"id":"01a[0-9a-f-]{33}"/g, '"id":"…"')
    .replace(/"(holdExpiresAt|createdAt)":"[^"]*"/g, '"$1":"…"')
    .trim()

test('the quick start answers what it says it answers', async () => {
  const [start, ...steps] = blocks(readme, 'Quick start')
  expect(start?.text).toBe('npx bun start\n')
  // Runs the same script as the first command, on a free port and with its own data folder.
  const server = spawnServer({ PORT: String(port), DATA_DIR: folder, LOG_LEVEL: 'warn' }, [
    process.execPath,
    'start',
  ])
  await whenUp(server, `http://localhost:${port}`)

  let compared = 0
  let answer = ''
  for (const { language, text } of [...steps, ...blocks(bookingsPage, 'A booking over HTTP')]) {
    if (language === 'json') {
      expect(withoutTheMoment(answer)).toBe(withoutTheMoment(text))
      compared += 1
    } else if (text.includes('curl')) {
      // Responses end without a line break, but the page shows one per line.
      const script = `set -eu\n${text.replaceAll('localhost:3000', `localhost:${port}`).replaceAll(/^(curl .*)$/gm, '$1; echo')}`
      answer = await new Response(Bun.spawn(['sh', '-c', script]).stdout).text()
    }
  }
  expect(compared).toBe(4)
}, 120_000)

/** The names at the start of each line of the layout; the indented ones are in src/. */
function layoutNames(): string[] {
  const lines = blocks(readme, 'Layout')[0]?.text.split('\n') ?? []
  return lines.flatMap((line) => {
    const names = /^ *((?:[\w.-]+(?:\/|\.ts)(?: +|$))+)/.exec(line)?.[1]?.trim().split(/ +/) ?? []
    return names.map((name) => (line.startsWith(' ') ? `src/${name}` : name))
  })
}

test('every path and file that the page names exists', async () => {
  expect(layoutNames().length).toBeGreaterThan(20)
  for (const name of layoutNames()) {
    const there = Bun.file(path.join(root, name))
    expect([
      name,
      (await there.exists()) ||
        (await Array.fromAsync(new Bun.Glob('**/*').scan(path.join(root, name)))).length > 0,
    ]).toEqual([name, true])
  }
  for (const [, file = ''] of readme.matchAll(/\]\((?!http)([^)#]+)(?:#[^)]*)?\)/g)) {
    expect([file, await Bun.file(path.join(root, file)).exists()]).toEqual([file, true])
  }
})
