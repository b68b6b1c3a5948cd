import { z } from 'zod'

const seconds = (fallback: number) => z.coerce.number().int().min(1).max(86_400).default(fallback)
const onOff = (fallback: 'on' | 'off') => z.enum(['on', 'off']).default(fallback)
const optional = <T extends z.ZodType>(type: T) =>
  z.preprocess((value) => (value === '' ? undefined : value), type.optional())
const origin = z.url({ protocol: /^https?$/ }).transform((url) => new URL(url).origin)

const devJwtSecret = 'a-development-secret-that-production-refuses'

/**
 * Every setting of the environment, with a default that works on a fresh machine. The text of `.meta` is what
 * `.env.example` says about it; a test holds the two together.
 */
export const EnvSchema = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development').meta({
    description: 'In production weak secrets stop the boot and nothing is seeded.',
  }),
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000).meta({
    description: 'The port to serve on; 0 lets the system choose a free one.',
  }),
  HOST: z.string().min(1).default('127.0.0.1').meta({
    description: 'The address to listen on; 0.0.0.0 makes the server reachable from other machines.',
  }),
  PUBLIC_URL: optional(z.url({ protocol: /^https?$/ })).meta({
    description: 'The address that people use, where a proxy stands in front.',
    example: 'https://book.example.com',
  }),
  DATA_DIR: z.string().min(1).default('.data').meta({
    description: 'The folder of the embedded database, used where DATABASE_URL is unset.',
  }),
  DATABASE_URL: optional(z.url({ protocol: /^postgres(ql)?$/ })).meta({
    description: 'A PostgreSQL 15 or later; unset, the server runs its own.',
    example: 'postgres://coworkspace:secret@localhost:5432/coworkspace',
  }),
  DATABASE_POOL: z.coerce.number().int().min(2).max(200).default(10).meta({
    description: 'Connections to the database, for each server process.',
  }),
  JWT_SECRET: z.string().min(1).default(devJwtSecret).meta({
    description: 'Signs access tokens; at least 32 characters, and your own, in production.',
  }),
  CORS_ORIGINS: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter(Boolean),
    )
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
  MAX_HOLDS_PER_PERSON: z.coerce.number().int().min(1).max(1000).default(10).meta({
    description: 'How many holds one person may have at once.',
  }),
  RATE_LIMITS: onOff('on').meta({ description: 'Whether those who ask too much are told to wait.' }),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info').meta({
    description: 'The least severe lines that are written.',
  }),
  SEED: optional(z.enum(['demo', 'none'])).meta({
    description:
      'Demo data at the first start; the default is demo, and none in production, where demo is refused.',
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
  const parsed = EnvSchema.safeParse(source)
  const problems = parsed.success
    ? productionProblems(parsed.data)
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
