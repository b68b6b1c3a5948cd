import { createHash, createHmac } from 'node:crypto'
import { z } from 'zod'
import { FIRST_PERSON_ID, type Message, type Sender, type Store } from './store'

/** Acts for users without Telegram. A `person` is the id of a sandbox user. */
export type People = {
  /** Writes to the bot. @returns the id of the update */
  write(person: number, text: string): Promise<number>
  /** Presses a button by its data or its label. @returns the id of the press, undefined if the message has no such button */
  press(person: number, messageId: number, button: string): Promise<string | undefined>
  /** The notice that the bot showed for a press; null before it has answered. */
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
      const message = (await store.messages(person)).find((candidate) => candidate.messageId === messageId)
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
      const statusOf = (isBlocked: boolean) => ({
        user: { id: 0, is_bot: true, first_name: 'bot' },
        status: isBlocked ? 'kicked' : 'member',
      })
      await queue({
        my_chat_member: {
          chat: chatOf(person),
          from: senderOf(person),
          date: now(),
          old_chat_member: statusOf(!blocked),
          new_chat_member: statusOf(blocked),
        },
      })
    },
    chat: store.messages,
  }
  return { ...people, handle: createHandler(people, token) }
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

/** Signed data of the login widget and of a Mini App. */
function signInDataOf(token: string, person: number) {
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

/** The API that docs/telegram.md describes. */
function createHandler(people: Omit<People, 'handle'>, token: string) {
  const WriteInput = z.object({ text: z.string().min(1).max(4096) })
  const PressInput = z.object({ messageId: z.int(), button: z.string().max(200) })
  return async function handle(request: Request): Promise<Response> {
    const [, id = '', action = ''] = /^\/people\/(\d+)\/(\w+)$/.exec(new URL(request.url).pathname) ?? []
    const person = PersonId.safeParse(id)
    if (!person.success) return refuse(404, `Ids of sandbox users begin at ${FIRST_PERSON_ID}.`)
    if (request.method === 'GET' && action === 'chat')
      return Response.json({ messages: await people.chat(person.data) })
    if (request.method === 'GET' && action === 'login') return Response.json(signInDataOf(token, person.data))
    if (request.method !== 'POST') return refuse(404, 'This path does not exist.')
    const body: unknown = await request.json().catch(() => undefined)
    if (action === 'write') {
      const written = WriteInput.safeParse(body)
      if (!written.success) return refuse(400, 'Send {"text": "…"}.')
      return Response.json({ updateId: await people.write(person.data, written.data.text) })
    }
    if (action === 'press') {
      const pressed = PressInput.safeParse(body)
      const pressId = pressed.success
        ? await people.press(person.data, pressed.data.messageId, pressed.data.button)
        : undefined
      return pressId
        ? Response.json({ pressId })
        : refuse(400, 'Send {"messageId": 1, "button": "…"} with a button of the chat.')
    }
    if (action === 'block' || action === 'unblock') {
      await people.block(person.data, action === 'block')
      return Response.json({ ok: true })
    }
    return refuse(404, 'This path does not exist.')
  }
}

const refuse = (status: number, message: string) => Response.json({ message }, { status })
