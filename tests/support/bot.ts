import type { RunningServer } from '../../src/server'
import { nowSeconds } from './telegram'
import { until } from './world'

let updates = 1000
export const freshUpdateId = () => updates++

/** Sends an update as Telegram does, to the webhook of one server or of several. */
export async function sendUpdate(
  server: Pick<RunningServer, 'url' | 'deps'>,
  update: unknown,
  secret = server.deps.telegram.webhookSecret ?? '',
) {
  const response = await fetch(`${server.url}/webhooks/telegram`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-telegram-bot-api-secret-token': secret },
    body: typeof update === 'string' ? update : JSON.stringify(update),
  })
  return { status: response.status, body: await response.text() }
}

export const sandboxOf = ({ telegramSandbox }: RunningServer) => {
  if (!telegramSandbox) throw new Error('this server has no stand-in for Telegram')
  return telegramSandbox
}

/** What somebody writes, as an update. */
export const messageOf = (id: number, text: string, more: Record<string, unknown> = {}) => ({
  update_id: freshUpdateId(),
  message: {
    message_id: freshUpdateId(),
    date: nowSeconds(),
    from: {
      id,
      is_bot: false,
      first_name: 'Ada',
      last_name: 'Lovelace',
      username: `ada_${id}`,
      language_code: 'en',
      ...more,
    },
    chat: { id, type: 'private', first_name: 'Ada' },
    text,
  },
})

/** A press of a button, as an update. */
export const pressOf = (id: number, messageId: number, data: string) => ({
  update_id: freshUpdateId(),
  callback_query: {
    id: Bun.randomUUIDv7(),
    from: { id, is_bot: false, first_name: 'Ada', last_name: 'Lovelace', language_code: 'en' },
    chat_instance: '1',
    data,
    message: { message_id: messageId, date: nowSeconds(), chat: { id, type: 'private' }, text: '…' },
  },
})

type Shown = { messageId: number; text: string; buttons: Record<string, unknown>[]; edits: number }

/** A notification has at most the button that leads to what it is about, or the two that answer it. */
const isNews = ({ buttons }: Shown) =>
  buttons.length === 0 ||
  (['Show', 'Accept', 'Decline'].includes(String(buttons[0]?.text)) && buttons.length < 3)

/**
 * Somebody who talks to the bot through the webhook alone: everything that is seen is what the bot has sent to Telegram,
 * and every step is an update.
 */
export function talkTo(server: RunningServer, id: number, more: Record<string, unknown> = {}) {
  const sandbox = sandboxOf(server)

  const sent = async (): Promise<Shown[]> =>
    (await sandbox.people.chat(id))
      .filter(({ from }) => from === 'bot')
      .map((message) => ({ ...message, buttons: message.keyboard?.flat() ?? [] }))
  const last = async () => (await sent()).findLast((message) => !isNews(message))

  /** Waits for what the bot shows after a step: another message, or the same one changed. */
  async function after(step: () => Promise<unknown>): Promise<Shown> {
    const before = await last()
    await step()
    return until(async () => {
      const now = await last()
      return now && (now.messageId !== before?.messageId || now.edits !== before.edits) ? now : undefined
    })
  }

  const talk = {
    id,
    last,
    /** What the bot has told by itself. */
    news: async () => (await sent()).filter(isNews),
    write: (text: string) => after(() => sendUpdate(server, messageOf(id, text, more))),
    /** Presses the button of the last message whose words begin with, or match, what is given. */
    async press(words: string | RegExp): Promise<Shown> {
      const { messageId, buttons = [], text } = (await last()) ?? { messageId: 0, text: '' }
      const found = buttons.find((one) =>
        typeof words === 'string' ? String(one.text).startsWith(words) : words.test(String(one.text)),
      )
      if (typeof found?.callback_data !== 'string')
        throw new Error(`no button ${words} below: ${text}\n${buttons.map((one) => one.text).join(' | ')}`)
      const { callback_data } = found
      return after(() => sendUpdate(server, pressOf(id, messageId, callback_data)))
    },
    /** The data of a button, to send it in some other way. */
    async dataOf(words: string): Promise<{ messageId: number; data: string }> {
      const { messageId = 0, buttons = [] } = (await last()) ?? {}
      const found = buttons.find((one) => String(one.text).startsWith(words))
      return { messageId, data: String(found?.callback_data) }
    },
  }
  return talk
}
