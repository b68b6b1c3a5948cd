import { afterAll, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { envExample } from '../scripts/env-example'
import { ConfigurationError, EnvSchema, readEnv } from '../src/env'
import { startServer } from '../src/server'
import { captureLog } from './support/logs'
import { startTestServer, stopTestServers, testEnv } from './support/world'

const names = Object.keys(EnvSchema.shape)
const strong = 'f0a1b2c3d4e5968778695a4b3c2d1e0f-strong'

/** The message of a refused configuration, or an empty string if it is accepted. */
function problemsOf(source: Record<string, string>): string {
  try {
    readEnv(source)
    return ''
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    return error.message
  }
}

test('missing and empty settings give the same working defaults', () => {
  const env = readEnv({})
  expect(env).toMatchObject({ NODE_ENV: 'development', PORT: 3000, HOLD_SECONDS: 900, SWEEP_SECONDS: 30 })
  expect(env).toMatchObject({ MAX_HOLDS_PER_PERSON: 10, RATE_LIMITS: 'on', SEED: 'demo', CORS_ORIGINS: [] })
  expect(readEnv(Object.fromEntries(names.map((name) => [name, ''])))).toEqual(env)
})

test('every setting has a description', () => {
  for (const [name, type] of Object.entries(EnvSchema.shape)) {
    expect({ name, description: type.meta()?.description }).toEqual({
      name,
      description: expect.stringMatching(/^[A-Z].{10,}\.$/),
    })
  }
})

test('.env.example matches the schema, lists every setting and is valid', async () => {
  const text = await Bun.file('.env.example').text()
  expect(text).toBe(envExample())
  const settings = Object.fromEntries([...text.matchAll(/^# ([A-Z_]+)=(.*)$/gm)].map((line) => line.slice(1)))
  expect(Object.keys(settings)).toEqual(names)
  expect(problemsOf(settings)).toBe('')
})

test('a copied .env.example changes nothing', async () => {
  const active = (await Bun.file('.env.example').text()).split('\n').filter((line) => !/^(#|$)/.test(line))
  expect(active).toEqual([])
})

const nonsense: [name: string, value: string][] = [
  ['PORT', 'eighty'],
  ['PORT', '70000'],
  ['PORT', '1e3'],
  ['PORT', '0x50'],
  ['PORT', ' '],
  ['PORT', '-1'],
  ['PORT', '80.5'],
  ['HOLD_SECONDS', '0'],
  ['HOLD_SECONDS', '15 minutes'],
  ['SWEEP_SECONDS', 'NaN'],
  ['MAX_HOLDS_PER_PERSON', '99999999999999999999'],
  ['DATABASE_POOL', '1'],
  ['NODE_ENV', 'prod'],
  ['RATE_LIMITS', 'yes'],
  ['LOG_LEVEL', 'loud'],
  ['SEED', 'some'],
  ['DATABASE_URL', 'mysql://localhost/x'],
  ['DATABASE_URL', 'nonsense'],
  ['PUBLIC_URL', 'book.example.com'],
  ['TELEGRAM_BOT_TOKEN', 'a token'],
  ['TELEGRAM_WEBHOOK_SECRET', 'two words'],
  ['TELEGRAM_API_URL', 'telegram'],
  ['CORS_ORIGINS', 'https://a.example.com,app.example.com'],
]
test.each(nonsense)('%s=%p is refused by name', (name, value) => {
  expect(problemsOf({ [name]: value })).toContain(`  ${name}`)
})

test('PUBLIC_URL is used without trailing slashes', () => {
  const addresses = ['https://book.example.com', 'https://book.example.com/', 'https://example.com/book//']
  expect(addresses.map((PUBLIC_URL) => readEnv({ PUBLIC_URL }).PUBLIC_URL)).toEqual([
    'https://book.example.com',
    'https://book.example.com',
    'https://example.com/book',
  ])
})

test('all invalid settings are reported at once', () => {
  const problems = problemsOf({ PORT: 'x', SEED: 'y', LOG_LEVEL: 'z' })
  expect(problems.match(/^ {2}\w+/gm)?.map((name) => name.trim())).toEqual(['PORT', 'LOG_LEVEL', 'SEED'])
})

test('production refuses weak secrets and demo data and never prints a secret', () => {
  const production = { NODE_ENV: 'production' }
  expect(problemsOf(production)).toContain('JWT_SECRET: must be set')
  for (const JWT_SECRET of ['short', 'a'.repeat(64), 'abcabcabc'.repeat(5), 'x'.repeat(31)]) {
    const problems = problemsOf({ ...production, JWT_SECRET })
    expect(problems).toContain('JWT_SECRET: is too weak')
    expect(problems).not.toContain(JWT_SECRET)
  }
  expect(problemsOf({ ...production, JWT_SECRET: strong, SEED: 'demo' })).toContain('SEED: ')
  expect(problemsOf({ ...production, JWT_SECRET: strong })).toBe('')
  expect(readEnv({ ...production, JWT_SECRET: strong }).SEED).toBe('none')
})

test('a live Stripe key in production needs a webhook secret', () => {
  const live = {
    NODE_ENV: 'production',
    JWT_SECRET: strong,
    STRIPE_SECRET_KEY: 'sk_live_x',
    STRIPE_PUBLISHABLE_KEY: 'pk_live_x',
  }
  expect(problemsOf(live)).toContain('STRIPE_WEBHOOK_SECRET')
  expect(problemsOf({ ...live, STRIPE_WEBHOOK_SECRET: 'whsec_a,whsec_b' })).toBe('')
  expect(readEnv({ ...live, STRIPE_WEBHOOK_SECRET: ' whsec_a, whsec_b' }).STRIPE_WEBHOOK_SECRET).toEqual([
    'whsec_a',
    'whsec_b',
  ])
  expect(problemsOf({ ...live, NODE_ENV: 'development', STRIPE_PUBLISHABLE_KEY: '' })).toContain(
    'STRIPE_PUBLISHABLE_KEY',
  )
  expect(problemsOf({ ...live, STRIPE_SECRET_KEY: 'not-a-key' })).toContain('STRIPE_SECRET_KEY')
})

test('an invalid setting ends the program with its name, no stack and exit code 1', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'env-'))
  const boot = Bun.spawn([process.execPath, path.resolve('src/index.ts')], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, PORT: 'eighty', JWT_SECRET: strong },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [exitCode, errors] = [await boot.exited, await boot.stderr.text()]
  await rm(folder, { recursive: true })
  expect(exitCode).toBe(1)
  expect(errors).toContain('PORT: must be a whole number')
  expect(errors).not.toContain('    at ')
  expect(errors).not.toContain(strong)
})

test('startup names a taken port, an invalid host or an unreachable database', async () => {
  const first = await startTestServer()
  const { log } = captureLog()

  const boot = (settings: Record<string, string>) =>
    startServer(
      testEnv({
        NODE_ENV: 'test',
        SEED: 'none',
        DATABASE_URL: first.deps.env.DATABASE_URL ?? '',
        ...settings,
      }),
      log,
      { jobs: false },
    )
  const port = new URL(first.url).port
  await expect(boot({ PORT: port })).rejects.toThrow(`Port ${port} is taken`)
  await expect(boot({ PORT: '0', HOST: '203.0.113.1' })).rejects.toThrow('HOST 203.0.113.1')

  const elsewhere = new URL(first.deps.env.DATABASE_URL ?? '')
  elsewhere.pathname = '/nowhere'
  for (const DATABASE_URL of [elsewhere.href, 'postgres://nobody:secret-of-nobody@127.0.0.1:1/none']) {
    const refusal = await boot({ PORT: '0', DATABASE_URL }).catch((error) => error)
    expect(refusal).toBeInstanceOf(ConfigurationError)
    expect(refusal.message).toStartWith('DATABASE_URL: ')
    expect(refusal.message).not.toContain('secret-of-nobody')
  }
})

afterAll(stopTestServers)
