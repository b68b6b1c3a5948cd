import { z } from 'zod'
import type { Message, Store } from './store'

/** A simulated failure. */
export type Failure =
  | { kind: 'too_many'; retryAfter: number }
  | { kind: 'error' | 'blocked' }
  /** The call takes effect, but the response is an error. */
  | { kind: 'error_after' }

export type Call = { method: string; payload: Record<string, unknown>; status: number }

export type Webhook = { url: string; secret: string }
type Options = {
  token: string
  store: Store
  nextFailure: (method: string) => Failure | undefined
  setWebhook: (webhook: Webhook | null) => void
  webhook: () => Webhook | null
  onCall: (call: Call) => void
}

const BOT = { id: 0, is_bot: true, first_name: 'CoworkSpace', username: 'coworkspace_sandbox_bot' }

const wellFormed = (text: string) => text.isWellFormed()
const Button = z
  .object({
    text: z.string().min(1).refine(wellFormed, 'strings must be encoded in UTF-8'),
    callback_data: z.string().min(1).optional(),
    url: z
      .url()
      .refine((url) => new URL(url).hostname.includes('.'), 'Wrong HTTP URL')
      .optional(),
  })
  .refine((button) => Buffer.byteLength(button.callback_data ?? '') <= 64, 'BUTTON_DATA_INVALID')
  .refine(
    ({ callback_data, url }) => (callback_data === undefined) !== (url === undefined),
    "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
  )
const Keyboard = z.object({ inline_keyboard: z.array(z.array(Button)).max(100) }).optional()
const Chat = z.union([z.int(), z.string().regex(/^\d+$/).transform(Number)])
const Text = z
  .string()
  .trim()
  .min(1, 'message text is empty')
  .max(4096, 'message is too long')
  .refine(wellFormed, 'strings must be encoded in UTF-8')

const INPUTS = {
  getMe: z.object({}),
  getWebhookInfo: z.object({}),
  setWebhook: z.object({
    url: z.string().max(2048),
    secret_token: z
      .string()
      .regex(/^[\w-]{1,256}$/)
      .default(''),
  }),
  deleteWebhook: z.object({}),
  setMyCommands: z.object({ commands: z.array(z.object({ command: z.string(), description: z.string() })) }),
  sendMessage: z.object({ chat_id: Chat, text: Text, reply_markup: Keyboard }),
  editMessageText: z.object({ chat_id: Chat, message_id: z.int(), text: Text, reply_markup: Keyboard }),
  editMessageReplyMarkup: z.object({ chat_id: Chat, message_id: z.int(), reply_markup: Keyboard }),
  answerCallbackQuery: z.object({ callback_query_id: z.string(), text: z.string().max(200).default('') }),
}
type Method = keyof typeof INPUTS
type Parsed<Name extends Method> = { method: Name } & z.output<(typeof INPUTS)[Name]>
const isMethod = (name: string): name is Method => Object.hasOwn(INPUTS, name)

/** The methods of the Bot API that the bot uses, with Telegram's own errors: core.telegram.org/bots/api. */
export function createApi(options: Options) {
  return async function handle(request: Request): Promise<Response> {
    const [, key, name = ''] = /^\/bot([^/]+)\/(\w+)$/.exec(new URL(request.url).pathname) ?? []
    if (key !== options.token) return respond(failed(401, 'Unauthorized'))
    const payload = await readPayload(request)
    const answer = await decide(name, payload)
    options.onCall({ method: name, payload, status: answer.ok ? 200 : answer.error_code })
    return respond(answer)
  }

  async function decide(name: string, payload: Record<string, unknown>): Promise<Answer> {
    if (!isMethod(name)) return failed(404, 'Not Found')
    const failure = options.nextFailure(name)
    if (failure?.kind === 'too_many')
      return {
        ...failed(429, `Too Many Requests: retry after ${failure.retryAfter}`),
        parameters: { retry_after: failure.retryAfter },
      }
    if (failure?.kind === 'blocked') return blocked
    if (failure?.kind === 'error') return failed(500, 'Internal Server Error')
    const answer = await runMethod(options, name, payload)
    return failure ? failed(502, 'Bad Gateway') : answer
  }
}

async function runMethod(options: Options, method: Method, payload: unknown): Promise<Answer> {
  const { store, webhook, setWebhook } = options
  const parsed = INPUTS[method].safeParse(payload)
  if (!parsed.success) return bad(parsed.error.issues[0]?.message ?? 'wrong parameters')
  const call = { method, ...parsed.data } as { [Name in Method]: Parsed<Name> }[Method]
  switch (call.method) {
    case 'getMe':
      return done({
        ...botOf(options),
        can_join_groups: false,
        can_read_all_group_messages: false,
        supports_inline_queries: false,
      })
    case 'getWebhookInfo':
      return done({
        url: webhook()?.url ?? '',
        has_custom_certificate: false,
        pending_update_count: await store.pending(),
      })
    case 'setWebhook':
      setWebhook(call.url === '' ? null : { url: call.url, secret: call.secret_token })
      return done(true)
    case 'deleteWebhook':
      setWebhook(null)
      return done(true)
    case 'setMyCommands':
      return done(true)
    case 'sendMessage':
      return sendMessage(options, call)
    case 'editMessageText':
    case 'editMessageReplyMarkup':
      return editMessage(options, call)
    case 'answerCallbackQuery': {
      const known = await store.answerPress(call.callback_query_id, call.text)
      return known ? done(true) : bad('query is too old and response timeout expired or query ID is invalid')
    }
  }
}

async function sendMessage(options: Options, call: Parsed<'sendMessage'>): Promise<Answer> {
  const { store } = options
  if (await store.isBlockedBy(call.chat_id)) return blocked
  const keyboard = call.reply_markup?.inline_keyboard ?? null
  const message = await store.addMessage({ chatId: call.chat_id, from: 'bot', text: call.text, keyboard })
  return done(messageOf(message, botOf(options)))
}

async function editMessage(
  options: Options,
  call: Parsed<'editMessageText'> | Parsed<'editMessageReplyMarkup'>,
): Promise<Answer> {
  const { store } = options
  if (await store.isBlockedBy(call.chat_id)) return blocked
  const key = { chatId: call.chat_id, messageId: call.message_id }
  const text = call.method === 'editMessageText' ? call.text : null
  const keyboard = call.reply_markup?.inline_keyboard ?? null
  const all = await store.messages(call.chat_id)
  const old = all.find(({ messageId, from }) => messageId === call.message_id && from === 'bot')
  if (!old) return bad('message to edit not found')
  const same = (text ?? old.text) === old.text && JSON.stringify(keyboard) === JSON.stringify(old.keyboard)
  if (same)
    return bad(
      'message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message',
    )
  await store.editMessage(key, { text, keyboard })
  return done(messageOf({ ...old, text: text ?? old.text, keyboard }, botOf(options)))
}

const botOf = ({ token }: Options) => ({ ...BOT, id: Number(token.split(':')[0]) })

type Answer =
  | { ok: true; result: unknown }
  | { ok: false; error_code: number; description: string; parameters?: { retry_after: number } }

const done = (result: unknown): Answer => ({ ok: true, result })
const failed = (error_code: number, description: string) => ({ ok: false as const, error_code, description })
const bad = (reason: string) => failed(400, `Bad Request: ${reason}`)
const blocked = failed(403, 'Forbidden: bot was blocked by the user')
const respond = (answer: Answer) => Response.json(answer, { status: answer.ok ? 200 : answer.error_code })

async function readPayload(request: Request): Promise<Record<string, unknown>> {
  const body: unknown = await request.json().catch(() => ({}))
  return typeof body === 'object' && body !== null ? { ...body } : {}
}

const messageOf = ({ messageId, chatId, text, keyboard }: Message, from: typeof BOT) => ({
  message_id: messageId,
  date: Math.floor(Date.now() / 1000),
  from,
  chat: { id: chatId, type: 'private', first_name: 'User' },
  text,
  ...(keyboard && { reply_markup: { inline_keyboard: keyboard } }),
})
