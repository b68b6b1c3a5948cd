import { createHash, createHmac } from 'node:crypto'
import { z } from 'zod'
import { FIRST_PERSON_ID, type Message, type Sender, type Store } from './store'

/** What a person does who has no Telegram: writes to the bot, presses its buttons, blocks it, and signs in. */
export type People = {
  /** Writes to the bot. @returns the number of the update that follows */
  write(person: number, text: string): Promise<number>
  /** Presses a button, known by its data, or by its words. @returns what names the press; nothing where there is no such button */
  press(person: number, messageId: number, button: string): Promise<string | undefined>
  /** What the bot showed for a moment upon a press; null while it has not answered. */
  answerOf(pressId: string): Promise<string | null>
  block(person: number, blocked: boolean): Promise<void>
  chat(person: number): Promise<Message[]>
  handle(request: Request): Promise<Response>
}

type Options = { token: string; store: Store; queued: () => void }

const PersonId = z.coerce.number().pipe(
  z
    .int()
    .min(FIRST_PERSON_ID)
    .max(FIRST_PERSON_ID + 999_999),
)

export function createPeople({ token, store, queued }: Options): People {
  const queue = async (update: Record<string, unknown>, pressId?: string) => {
    const updateId = await store.queueUpdate(update, pressId)
    queued()
    return updateId
  }
  const people: Omit<People, 'handle'> = {
    async write(person, text) {
      const { messageId } = await store.addMessage({ chatId: person, from: 'person', text, keyboard: null })
      const command = /^\/\w+/.exec(text)?.[0]
      const entities = command && [{ type: 'bot_command', offset: 0, length: command.length }]
      const message = {
        message_id: messageId,
        date: now(),
        from: senderOf(person),
        chat: chatOf(person),
        text,
        ...(entities && { entities }),
      }
      return queue({ message })
    },
    async press(person, messageId, button) {
      const message = (await store.messages(person)).find((one) => one.messageId === messageId)
      const buttons = message?.keyboard?.flat() ?? []
      const pressed = buttons.find(({ text, callback_data }) => callback_data === button || text === button)
      if (!message || !pressed?.callback_data) return undefined
      const id = Bun.randomUUIDv7()
      const callback_query = {
        id,
        from: senderOf(person),
        chat_instance: '1',
        data: pressed.callback_data,
        message: { message_id: messageId, date: now(), chat: chatOf(person), text: message.text },
      }
      await queue({ callback_query }, id)
      return id
    },
    answerOf: store.answerOf,
    async block(person, blocked) {
      await store.setBlocked(person, blocked)
      const status = (is: boolean) => ({
        user: { id: 0, is_bot: true, first_name: 'bot' },
        status: is ? 'kicked' : 'member',
      })
      await queue({
        my_chat_member: {
          chat: chatOf(person),
          from: senderOf(person),
          date: now(),
          old_chat_member: status(!blocked),
          new_chat_member: status(blocked),
        },
      })
    },
    chat: store.messages,
  }
  return { ...people, handle: doorOf(people, token) }
}

const now = () => Math.floor(Date.now() / 1000)
const chatOf = (person: number) => ({ id: person, type: 'private' as const, first_name: nameOf(person) })
const nameOf = (person: number) => `Tester ${person - FIRST_PERSON_ID}`
const senderOf = (person: number): Sender => ({
  id: person,
  is_bot: false,
  first_name: nameOf(person),
  username: `tester_${person - FIRST_PERSON_ID}`,
  language_code: 'en',
})

/** What the login widget and a Mini App would give for somebody of the stand-in, signed. */
function signInsOf(token: string, person: number) {
  const sign = (secret: Buffer, fields: Record<string, string>) => {
    const lines = Object.keys(fields)
      .sort()
      .map((name) => `${name}=${fields[name]}`)
    return { ...fields, hash: createHmac('sha256', secret).update(lines.join('\n')).digest('hex') }
  }
  const { id, first_name, username, ...rest } = senderOf(person)
  const auth_date = String(now())
  const widget = sign(createHash('sha256').update(token).digest(), {
    id: String(id),
    first_name,
    username,
    auth_date,
  })
  const user = JSON.stringify({ id, first_name, username, ...rest, allows_write_to_pm: true })
  const ofApp = sign(createHmac('sha256', 'WebAppData').update(token).digest(), { user, auth_date })
  return { widget, initData: new URLSearchParams(ofApp).toString() }
}

/** The stand-in's own small API, for a person with curl: what each path does is in docs/telegram.md. */
function doorOf(people: Omit<People, 'handle'>, token: string) {
  const Written = z.object({ text: z.string().min(1).max(4096) })
  const Pressed = z.object({ messageId: z.int(), button: z.string().max(200) })
  return async function handle(request: Request): Promise<Response> {
    const [, id = '', action = ''] = /^\/people\/(\d+)\/(\w+)$/.exec(new URL(request.url).pathname) ?? []
    const person = PersonId.safeParse(id)
    if (!person.success) return refuse(404, `People here have ids from ${FIRST_PERSON_ID}.`)
    if (request.method === 'GET' && action === 'chat')
      return Response.json({ messages: await people.chat(person.data) })
    if (request.method === 'GET' && action === 'login') return Response.json(signInsOf(token, person.data))
    if (request.method !== 'POST') return refuse(404, 'There is nothing at this address.')
    const body: unknown = await request.json().catch(() => undefined)
    if (action === 'write') {
      const written = Written.safeParse(body)
      if (!written.success) return refuse(400, 'Send {"text": "…"}.')
      return Response.json({ updateId: await people.write(person.data, written.data.text) })
    }
    if (action === 'press') {
      const pressed = Pressed.safeParse(body)
      const pressId = pressed.success
        ? await people.press(person.data, pressed.data.messageId, pressed.data.button)
        : undefined
      return pressId
        ? Response.json({ pressId })
        : refuse(400, 'Send {"messageId": 1, "button": "…"} of a button in the chat.')
    }
    if (action === 'block' || action === 'unblock') {
      await people.block(person.data, action === 'block')
      return Response.json({ ok: true })
    }
    return refuse(404, 'There is nothing at this address.')
  }
}

const refuse = (status: number, message: string) => Response.json({ message }, { status })
