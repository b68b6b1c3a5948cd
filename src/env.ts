import proxyAddress from 'proxy-addr'
import { z } from 'zod'

/** Digits only: `Number` would also accept `''`, `1e9` and `0x10`. */
const whole = (min: number, max: number, fallback: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .default(fallback)
const seconds = (fallback: number) => whole(1, 86_400, fallback)
const onOff = (fallback: 'on' | 'off') => z.enum(['on', 'off']).default(fallback)
const origin = z.url({ protocol: /^https?$/ }).transform((url) => new URL(url).origin)

const RedisUrls = z
  .string()
  .refine(
    (text) => text.split(',').every((url) => /^rediss?:\/\/./.test(url.trim()) && URL.canParse(url.trim())),
    'must be redis://… or rediss://…',
  )
const commaSeparated = (text: string) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)

function areAddresses(list: string[]): boolean {
  try {
    proxyAddress.compile(list)
    return true
  } catch {
    return false
  }
}

const devJwtSecret = 'a-development-secret-that-production-refuses'

/** All settings, with defaults that work on a fresh machine. `bun run env:example` copies the descriptions to .env.example. */
export const EnvSchema = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development').meta({
    description: 'In production, the server does not start with weak secrets and adds no demo data.',
  }),
  PORT: whole(0, 65_535, 3000).meta({
    description: 'Port to listen on. With 0, the system chooses a free one.',
  }),
  HOST: z.string().min(1).default('127.0.0.1').meta({
    description: 'Address to listen on. With 0.0.0.0, other machines can reach the server.',
  }),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .transform((url) => url.replace(/\/+$/, ''))
    .optional()
    .meta({
      description:
        'Public address of the server, for links in emails, in the bot, in calendar feeds and in the code at the door.',
      example: 'https://book.example.com',
    }),
  DATA_DIR: z.string().min(1).default('.data').meta({
    description: 'Folder of the embedded database, which is used if DATABASE_URL is not set.',
  }),
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .meta({
      description: 'PostgreSQL 15 or later. If not set, the server runs an embedded one.',
      example: 'postgres://coworkspace:secret@localhost:5432/coworkspace',
    }),
  DATABASE_REPLICA_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .meta({
      description: 'Read replica for searches and statistics that can be slightly out of date.',
      example: 'postgres://coworkspace:secret@replica:5432/coworkspace',
    }),
  DATABASE_POOL: whole(2, 200, 10).meta({
    description: 'Maximum number of database connections per server process.',
  }),
  REDIS_URL: RedisUrls.optional().meta({
    description:
      'Redis 6 or later, with which several servers act as one. Several addresses, separated by commas, are a cluster (Redis 7 or later).',
    example: 'redis://localhost:6379',
  }),
  JWT_SECRET: z.string().min(1).default(devJwtSecret).meta({
    description: 'Secret that signs access tokens. In production, use at least 32 random characters.',
  }),
  CORS_ORIGINS: z
    .string()
    .default('')
    .transform(commaSeparated)
    .pipe(z.array(z.union([z.literal('*'), origin])))
    .meta({
      description:
        'Origins of web pages that can call the API and open sockets, separated by commas. * allows any.',
      example: 'https://app.example.com,https://admin.example.com',
    }),
  HOLD_SECONDS: seconds(900).meta({ description: 'How long a hold lasts, in seconds.' }),
  SWEEP_SECONDS: seconds(30).meta({
    description: 'How often the sweep expires holds and sends the versions of boards, in seconds.',
  }),
  MAX_HOLDS_PER_PERSON: whole(1, 1000, 10).meta({
    description: 'Maximum number of active holds per user.',
  }),
  MAX_EVENTS_PER_PERSON: whole(1, 10_000, 20).meta({
    description: 'Maximum number of coming events per user. Admins have no limit.',
  }),
  RETENTION_DAYS: whole(0, 36_500, 90).meta({
    description:
      'How long ended holds without a payment, activity without money and deliveries are stored, in days. With 0, they stay.',
  }),
  CACHE: onOff('on').meta({ description: 'Whether boards, searches and profiles are cached.' }),
  WORKERS: whole(1, 256, 1).meta({
    description:
      'Number of processes that share the port, about one per core. More than one needs REDIS_URL.',
  }),
  TRUST_PROXY: z
    .string()
    .default('')
    .transform(commaSeparated)
    .refine(
      areAddresses,
      'must be addresses, networks such as 10.0.0.0/8, or loopback, linklocal, uniquelocal',
    )
    .meta({
      description:
        'Proxies trusted to set X-Forwarded-For: addresses, networks, loopback, linklocal or uniquelocal, separated by commas.',
      example: 'loopback,10.0.0.0/8',
    }),
  SOCKETS_PER_ADDRESS: whole(1, 1_000_000, 1000).meta({
    description: 'Maximum number of open sockets per address and server process.',
  }),
  SOCKETS_PER_PERSON: whole(1, 1_000_000, 50).meta({
    description: 'Maximum number of open sockets per user and server process.',
  }),
  SOCKET_IDLE_SECONDS: whole(8, 960, 60).meta({
    description: 'How long a socket can leave pings unanswered before it is closed, in seconds.',
  }),
  PAYMENT_GRACE_SECONDS: whole(0, 86_400, 600).meta({
    description: 'How much the first payment attempt extends a hold, in seconds.',
  }),
  STRIPE_SECRET_KEY: z
    .string()
    .regex(/^(sk|rk)_(test|live)_\w+$/, 'must be a Stripe secret key')
    .optional()
    .meta({
      description:
        'Secret key for payments with Stripe. If not set, a sandbox replaces Stripe, except in production.',
      example: 'sk_test_51Example',
    }),
  STRIPE_PUBLISHABLE_KEY: z
    .string()
    .regex(/^pk_(test|live)_\w+$/, 'must be a Stripe publishable key')
    .optional()
    .meta({
      description: 'Key for payments in browsers. Required with STRIPE_SECRET_KEY.',
      example: 'pk_test_51Example',
    }),
  STRIPE_WEBHOOK_SECRET: z
    .string()
    .default('')
    .transform(commaSeparated)
    .pipe(z.array(z.string().regex(/^whsec_\S+$/, 'must be Stripe signing secrets')))
    .meta({
      description:
        'Signing secrets of /webhooks/stripe, separated by commas. During a rotation, set the old and the new one.',
      example: 'whsec_example',
    }),
  STRIPE_API_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({
      description: 'Another server with the API of Stripe, for tests.',
      example: 'http://127.0.0.1:12111',
    }),
  SMTP_URL: z
    .string()
    .refine((text) => /^smtps?:\/\/./.test(text) && URL.canParse(text), 'must be smtp://… or smtps://…')
    .optional()
    .meta({
      description: 'Mail server for notifications. If not set, no email is sent.',
      example: 'smtps://user:secret@mail.example.com:465',
    }),
  MAIL_FROM: z.email().optional().meta({
    description: 'Sender of emails. The default is no-reply at the host of PUBLIC_URL.',
    example: 'hello@example.com',
  }),
  TELEGRAM_BOT_TOKEN: z
    .string()
    .regex(/^\d{1,16}:[\w-]+$/, 'must be a bot token from BotFather')
    .optional()
    .meta({
      description:
        'Token of the bot, for signing in with Telegram and for booking in chats. If not set, a sandbox replaces Telegram, except in production.',
      example: '123456789:an-example-of-a-token',
    }),
  TELEGRAM_WEBHOOK_SECRET: z
    .string()
    .regex(/^[\w-]{1,256}$/, 'must be 1 to 256 letters, digits, _ or -')
    .optional()
    .meta({
      description:
        'Secret that Telegram sends with each update to /webhooks/telegram. If not set, updates are refused.',
      example: 'a-long-random-word',
    }),
  TELEGRAM_API_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({
      description: 'Another server with the Bot API of Telegram, for tests.',
      example: 'http://127.0.0.1:8081',
    }),
  RATE_LIMITS: onOff('on').meta({ description: 'Whether requests over the limit get 429 with Retry-After.' }),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info').meta({
    description: 'Lowest level of log lines that are written.',
  }),
  LOG_FILE: z.string().min(1).optional().meta({
    description: 'Path of additional log files, which rotate daily and at 50 MB. The last 14 remain.',
    example: 'logs/coworkspace',
  }),
  SEED: z.enum(['demo', 'none']).optional().meta({
    description: 'Data added at the first start: demo (the default) or none. Production allows only none.',
    example: 'demo',
  }),
})

export type Env = Omit<z.output<typeof EnvSchema>, 'SEED'> & { SEED: 'demo' | 'none' }

/** Thrown for invalid settings; the message lists all of them. */
export class ConfigurationError extends Error {}

/**
 * Reads the settings from the environment.
 * @throws {ConfigurationError} listing every invalid setting and every secret that production refuses
 */
export function readEnv(source: Record<string, string | undefined> = process.env): Env {
  // `NAME=` in a file means not set.
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ''))
  const parsed = EnvSchema.safeParse(given)
  const problems = parsed.success
    ? [...stripeProblems(parsed.data), ...productionProblems(parsed.data)]
    : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  if (!parsed.success || problems.length > 0) {
    throw new ConfigurationError(
      `The configuration is invalid.\n${problems.map((line) => `  ${line}`).join('\n')}`,
    )
  }
  return {
    ...parsed.data,
    SEED: parsed.data.SEED ?? (parsed.data.NODE_ENV === 'production' ? 'none' : 'demo'),
  }
}

/** With a live key and no webhook secret, payments would succeed unnoticed. */
function stripeProblems(env: z.output<typeof EnvSchema>): string[] {
  const problems: string[] = []
  if (env.STRIPE_SECRET_KEY && !env.STRIPE_PUBLISHABLE_KEY)
    problems.push('STRIPE_PUBLISHABLE_KEY: must be set with STRIPE_SECRET_KEY')
  if (
    env.NODE_ENV === 'production' &&
    isLive(env.STRIPE_SECRET_KEY) &&
    env.STRIPE_WEBHOOK_SECRET.length === 0
  )
    problems.push('STRIPE_WEBHOOK_SECRET: must be set in production with a live key')
  return problems
}

/** Whether a Stripe key charges real money. */
export const isLive = (key: string | undefined) => key?.includes('_live_') ?? false

function productionProblems(env: z.output<typeof EnvSchema>): string[] {
  if (env.NODE_ENV !== 'production') return []
  const problems: string[] = []
  if (env.JWT_SECRET === devJwtSecret) problems.push('JWT_SECRET: must be set in production')
  else if (env.JWT_SECRET.length < 32 || new Set(env.JWT_SECRET).size < 10)
    problems.push('JWT_SECRET: is too weak; generate one with `openssl rand -hex 32`')
  if (env.SEED === 'demo') problems.push('SEED: demo data has public passwords and is refused in production')
  return problems
}
