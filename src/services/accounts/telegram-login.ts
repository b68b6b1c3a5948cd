import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { AppError } from '../../errors'
import type { Millis } from '../../lib/time'
import type { TelegramProof } from '../../schemas/telegram'
import type { User } from '../../schemas/users'

/** Lifetime of a proof. It can be used more than once, because a reloaded page repeats it. */
const MAX_AGE_SECONDS = 86_400
/** Maximum by which Telegram's clock may be ahead of ours. */
const MAX_AHEAD_SECONDS = 60

export type TelegramPerson = {
  id: number
  name: string
  username: string | null
  language: User['language']
}
export type Proven = TelegramPerson & {
  platform: 'telegram_widget' | 'telegram_mini_app'
  /** Whether the user allowed the bot to send messages. */
  reachable: boolean
}

/**
 * Verifies a proof from the login widget or a Mini App. The signature must cover exactly the fields sent:
 * core.telegram.org/widgets/login#checking-authorization and
 * core.telegram.org/bots/webapps#validating-data-received-via-the-mini-app.
 * @throws WRONG_CREDENTIALS if the proof was not signed with this bot's token or is older than a day
 */
export async function readProof(token: string, proof: TelegramProof, now: Millis): Promise<Proven> {
  const { initData, ...rest } = proof
  if (initData === undefined) return readWidget(token, rest, now)
  if (Object.keys(rest).length > 0) throw notSigned()
  return readInitData(token, initData, now)
}

const WidgetPerson = z.object({
  id: z.coerce.number().pipe(z.int().positive()),
  first_name: z.string().default(''),
  last_name: z.string().optional(),
  username: z.string().optional(),
})

function readWidget(token: string, proof: Omit<TelegramProof, 'initData'>, now: Millis): Proven {
  const sent = Object.entries(proof).filter(([, value]) => value !== undefined)
  const fields = readFields(
    sent.map(([name, value]) => [name, String(value)]),
    now,
  )
  // Not a library: those for this check are abandoned or do not compare in constant time.
  const { hash, ...signed } = fields
  const lines = Object.keys(signed)
    .sort()
    .map((name) => `${name}=${fields[name]}`)
  const secret = createHash('sha256').update(token).digest()
  const expected = createHmac('sha256', secret).update(lines.join('\n')).digest()
  if (!timingSafeEqual(expected, Buffer.from(hash, 'hex'))) throw notSigned()
  const person = WidgetPerson.safeParse(signed)
  if (!person.success) throw notSigned()
  return { ...personOf(person.data), platform: 'telegram_widget', reachable: false }
}

const MiniAppPerson = z.object({
  id: z.int().positive(),
  is_bot: z.boolean().default(false),
  first_name: z.string().default(''),
  last_name: z.string().optional(),
  username: z.string().optional(),
  language_code: z.string().optional(),
  allows_write_to_pm: z.boolean().default(false),
})

async function readInitData(token: string, initData: string, now: Millis): Promise<Proven> {
  const fields = readFields([...new URLSearchParams(initData)], now)
  // Imported on first use to keep startup fast.
  const { isValid } = await import('@tma.js/init-data-node')
  if (!isValid(initData, token, { expiresIn: 0 })) throw notSigned()
  const person = MiniAppPerson.safeParse(jsonOf(fields.user))
  if (!person.success || person.data.is_bot) throw notSigned()
  return {
    ...personOf(person.data),
    platform: 'telegram_mini_app',
    reachable: person.data.allows_write_to_pm,
  }
}

/**
 * Validates the signed fields. The signature covers lines of `name=value`, so a repeated name or a line break in a value
 * could imitate fields that Telegram did not sign.
 * @throws WRONG_CREDENTIALS, also if the proof is too old or from the future
 */
function readFields(pairs: [string, string][], now: Millis): Record<string, string> & { hash: string } {
  const fields = new Map<string, string>()
  for (const [name, value] of pairs) {
    if (!/^[a-z][a-z\d_]{0,63}$/.test(name) || value.includes('\n') || fields.has(name)) throw notSigned()
    fields.set(name, value)
  }
  const hash = fields.get('hash') ?? ''
  const date = fields.get('auth_date') ?? ''
  if (!/^[\da-f]{64}$/.test(hash) || !/^\d{1,12}$/.test(date)) throw notSigned()
  const ageSeconds = now / 1000 - Number(date)
  if (ageSeconds > MAX_AGE_SECONDS || ageSeconds < -MAX_AHEAD_SECONDS)
    throw new AppError('WRONG_CREDENTIALS', 'This Telegram sign-in has expired. Sign in again.')
  return { ...Object.fromEntries(fields), hash }
}

const notSigned = () =>
  new AppError('WRONG_CREDENTIALS', 'The Telegram signature is not valid. Sign in again.')

function jsonOf(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '')
  } catch {
    return undefined
  }
}

type Named = {
  id: number
  first_name: string
  last_name?: string | undefined
  username?: string | undefined
  language_code?: string | undefined
}

/** Converts a Telegram profile. Its names may be empty or contain control characters. */
export const personOf = ({ id, first_name, last_name, username, language_code }: Named): TelegramPerson => ({
  id,
  name: cleaned(`${first_name} ${last_name ?? ''}`) || 'Telegram user',
  username: cleaned(username ?? '') || null,
  language: languageOf(language_code),
})

const cleaned = (text: string) =>
  [...text.toWellFormed().replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')].slice(0, 100).join('').trim()

function languageOf(code = ''): User['language'] {
  const [language] = code.toLowerCase().split('-')
  return language === 'it' || language === 'fr' ? language : 'en'
}
