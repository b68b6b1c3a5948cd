import proxyAddress from 'proxy-addr'
import { z } from 'zod'

/** Digits and nothing else: what `Number` makes of `''`, `1e9` or `0x10` is not what somebody meant. */
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

/**
 * Every setting of the environment, with a default that works on a fresh machine. The text of `.meta` is what
 * `.env.example` says about it; a test holds the two together.
 */
export const EnvSchema = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development').meta({
    description: 'In production weak secrets stop the boot and nothing is seeded.',
  }),
  PORT: whole(0, 65_535, 3000).meta({
    description: 'The port to serve on; 0 lets the system choose a free one.',
  }),
  HOST: z.string().min(1).default('127.0.0.1').meta({
    description: 'The address to listen on; 0.0.0.0 makes the server reachable from other machines.',
  }),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .transform((url) => url.replace(/\/+$/, ''))
    .optional()
    .meta({
      description:
        'The address that people use: links of the bot, of mails and of calendar feeds begin with it, and the code at the door.',
      example: 'https://book.example.com',
    }),
  DATA_DIR: z.string().min(1).default('.data').meta({
    description: 'The folder of the embedded database, used where DATABASE_URL is unset.',
  }),
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .meta({
      description: 'A PostgreSQL 15 or later; unset, the server runs its own.',
      example: 'postgres://coworkspace:secret@localhost:5432/coworkspace',
    }),
  DATABASE_REPLICA_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .meta({
      description: 'A copy of the database, for searches that may be a moment behind.',
      example: 'postgres://coworkspace:secret@replica:5432/coworkspace',
    }),
  DATABASE_POOL: whole(2, 200, 10).meta({
    description: 'Connections to the database, for each server process.',
  }),
  REDIS_URL: RedisUrls.optional().meta({
    description:
      'A Redis 6 or later, which lets several servers act as one; several addresses, separated by commas, are a cluster (7 or later).',
    example: 'redis://localhost:6379',
  }),
  JWT_SECRET: z.string().min(1).default(devJwtSecret).meta({
    description: 'Signs access tokens; at least 32 characters, and your own, in production.',
  }),
  CORS_ORIGINS: z
    .string()
    .default('')
    .transform(commaSeparated)
    .pipe(z.array(z.union([z.literal('*'), origin])))
    .meta({
      description:
        'Origins of web pages that may call the API and open sockets, separated by commas; * for any.',
      example: 'https://app.example.com,https://admin.example.com',
    }),
  HOLD_SECONDS: seconds(900).meta({ description: 'How long a hold lasts.' }),
  SWEEP_SECONDS: seconds(30).meta({
    description: 'How often expired holds are freed and boards are checked.',
  }),
  MAX_HOLDS_PER_PERSON: whole(1, 1000, 10).meta({
    description: 'How many holds one person may have at once.',
  }),
  MAX_EVENTS_PER_PERSON: whole(1, 10_000, 20).meta({
    description: 'How many coming events one person who is no admin may have announced at once.',
  }),
  CACHE: onOff('on').meta({ description: 'Whether boards and searches are kept for a moment.' }),
  WORKERS: whole(1, 256, 1).meta({
    description:
      'How many processes serve on the one port, about one for each core; more than one needs REDIS_URL.',
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
        'Proxies whose X-Forwarded-For is believed: addresses, networks, loopback, linklocal or uniquelocal, separated by commas.',
      example: 'loopback,10.0.0.0/8',
    }),
  SOCKETS_PER_ADDRESS: whole(1, 1_000_000, 1000).meta({
    description: 'How many sockets one address may have open on one server process.',
  }),
  SOCKETS_PER_PERSON: whole(1, 1_000_000, 50).meta({
    description: 'How many sockets one person may have open on one server process.',
  }),
  SOCKET_IDLE_SECONDS: whole(8, 960, 60).meta({
    description: 'How long a socket may not even answer a ping before it is closed.',
  }),
  PAYMENT_GRACE_SECONDS: whole(0, 86_400, 600).meta({
    description: 'By how much a hold is extended, once, when its payment begins.',
  }),
  STRIPE_SECRET_KEY: z
    .string()
    .regex(/^(sk|rk)_(test|live)_\w+$/, 'must be a secret key of Stripe')
    .optional()
    .meta({
      description:
        'Takes payments with Stripe; unset, a sandbox stands in for it, which production does not have.',
      example: 'sk_test_51Example',
    }),
  STRIPE_PUBLISHABLE_KEY: z
    .string()
    .regex(/^pk_(test|live)_\w+$/, 'must be a publishable key of Stripe')
    .optional()
    .meta({
      description: 'What a browser pays with; needed where STRIPE_SECRET_KEY is set.',
      example: 'pk_test_51Example',
    }),
  STRIPE_WEBHOOK_SECRET: z
    .string()
    .default('')
    .transform(commaSeparated)
    .pipe(z.array(z.string().regex(/^whsec_\S+$/, 'must be signing secrets of Stripe')))
    .meta({
      description:
        'Signing secrets of /webhooks/stripe; several while one replaces another, separated by commas.',
      example: 'whsec_example',
    }),
  STRIPE_API_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({
      description: 'Another server that speaks as Stripe does.',
      example: 'http://127.0.0.1:12111',
    }),
  SMTP_URL: z
    .string()
    .refine((text) => /^smtps?:\/\/./.test(text) && URL.canParse(text), 'must be smtp://… or smtps://…')
    .optional()
    .meta({
      description: 'The mail server that notifications go through; unset, nobody gets mail.',
      example: 'smtps://user:secret@mail.example.com:465',
    }),
  MAIL_FROM: z.email().optional().meta({
    description: 'Whom mail comes from; unset, no-reply at the host of PUBLIC_URL.',
    example: 'hello@example.com',
  }),
  TELEGRAM_BOT_TOKEN: z
    .string()
    .regex(/^\d{1,16}:[\w-]+$/, 'must be the token of a bot, as BotFather gives it')
    .optional()
    .meta({
      description:
        'Signs people in with Telegram and runs the bot; unset, a sandbox stands in for Telegram, which production does not have.',
      example: '123456789:an-example-of-a-token',
    }),
  TELEGRAM_WEBHOOK_SECRET: z
    .string()
    .regex(/^[\w-]{1,256}$/, 'must have 1 to 256 letters, digits, _ or -')
    .optional()
    .meta({
      description: 'What Telegram sends with each update to /webhooks/telegram; without it none is taken.',
      example: 'a-long-random-word',
    }),
  TELEGRAM_API_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({
      description: 'Another server that speaks as the Bot API of Telegram does.',
      example: 'http://127.0.0.1:8081',
    }),
  RATE_LIMITS: onOff('on').meta({ description: 'Whether those who ask too much are told to wait.' }),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info').meta({
    description: 'The least severe lines that are written.',
  }),
  LOG_FILE: z.string().min(1).optional().meta({
    description: 'Where lines are also written, into files that rotate daily and at 50 MB; 14 are kept.',
    example: 'logs/coworkspace',
  }),
  SEED: z.enum(['demo', 'none']).optional().meta({
    description:
      'Demo data at the first start; the default is demo, and none in production, where demo is refused.',
    example: 'demo',
  }),
})

export type Env = Omit<z.output<typeof EnvSchema>, 'SEED'> & { SEED: 'demo' | 'none' }

/** The configuration makes no sense; its message lists every setting that is wrong. */
export class ConfigurationError extends Error {}

/**
 * Reads the configuration once, from the environment given.
 * @throws {ConfigurationError} naming each wrong setting, and each secret that production does not accept.
 */
export function readEnv(source: Record<string, string | undefined> = process.env): Env {
  // `NAME=` in a file means that it is not set.
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== ''))
  const parsed = EnvSchema.safeParse(given)
  const problems = parsed.success
    ? [...stripeProblems(parsed.data), ...productionProblems(parsed.data)]
    : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  if (!parsed.success || problems.length > 0) {
    throw new ConfigurationError(
      `The configuration cannot be used.\n${problems.map((line) => `  ${line}`).join('\n')}`,
    )
  }
  return {
    ...parsed.data,
    SEED: parsed.data.SEED ?? (parsed.data.NODE_ENV === 'production' ? 'none' : 'demo'),
  }
}

/** A live key without a way to hear of payments would take money and never know. */
function stripeProblems(env: z.output<typeof EnvSchema>): string[] {
  const problems: string[] = []
  if (env.STRIPE_SECRET_KEY && !env.STRIPE_PUBLISHABLE_KEY)
    problems.push('STRIPE_PUBLISHABLE_KEY: must be set beside STRIPE_SECRET_KEY')
  if (
    env.NODE_ENV === 'production' &&
    isLive(env.STRIPE_SECRET_KEY) &&
    env.STRIPE_WEBHOOK_SECRET.length === 0
  )
    problems.push('STRIPE_WEBHOOK_SECRET: must be set in production with a live key')
  return problems
}

/** Whether a key of Stripe's moves real money. */
export const isLive = (key: string | undefined) => key?.includes('_live_') ?? false

function productionProblems(env: z.output<typeof EnvSchema>): string[] {
  if (env.NODE_ENV !== 'production') return []
  const problems: string[] = []
  if (env.JWT_SECRET === devJwtSecret) problems.push('JWT_SECRET: must be set in production')
  else if (env.JWT_SECRET.length < 32 || new Set(env.JWT_SECRET).size < 10)
    problems.push(
      'JWT_SECRET: is too weak; use at least 32 random characters, as `openssl rand -hex 32` gives',
    )
  if (env.SEED === 'demo') problems.push('SEED: demo data has public passwords and is refused in production')
  return problems
}
