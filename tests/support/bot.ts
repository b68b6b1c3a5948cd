import type { RunningServer } from '../../src/server'
import { nowSeconds } from './telegram'
import { until } from './world'

let updates = 1000
export const freshUpdateId = () => updates++

/** Sends an update to the server's webhook, as Telegram does. */
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
  if (!telegramSandbox) throw new Error('this server has no Telegram sandbox')
  return telegramSandbox
}

/** An update with a message that a user wrote. */
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

/** An update with a button press. */
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

/** Notifications have no buttons, or Show, or Accept and Decline. */
const isNews = ({ buttons }: Shown) =>
  buttons.length === 0 ||
  (['Show', 'Accept', 'Decline'].includes(String(buttons[0]?.text)) && buttons.length < 3)

/** A conversation with the bot: steps are updates to the webhook, and replies are read from the sandbox. */
export function talkTo(server: RunningServer, id: number, more: Record<string, unknown> = {}) {
  const sandbox = sandboxOf(server)

  const sent = async (): Promise<Shown[]> =>
    (await sandbox.people.chat(id))
      .filter(({ from }) => from === 'bot')
      .map((message) => ({ ...message, buttons: message.keyboard?.flat() ?? [] }))
  const last = async () => (await sent()).findLast((message) => !isNews(message))

  /** Runs a step and waits until the bot sends or edits a message. */
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
    /** The notifications that the bot has sent. */
    news: async () => (await sent()).filter(isNews),
    write: (text: string) => after(() => sendUpdate(server, messageOf(id, text, more))),
    /** Presses the button of the last message whose label starts with or matches `words`. */
    async press(words: string | RegExp): Promise<Shown> {
      const { messageId, buttons = [], text } = (await last()) ?? { messageId: 0, text: '' }
      const found = buttons.find((one) =>
        typeof words === 'string' ? String(one.text).startsWith(words) : words.test(String(one.text)),
      )
      if (typeof found?.callback_data !== 'string')
        throw new Error(
          `no button ${words} in the message: ${text}\n${buttons.map((one) => one.text).join(' | ')}`,
        )
      const { callback_data } = found
      return after(() => sendUpdate(server, pressOf(id, messageId, callback_data)))
    },
    /** The callback data of a button, to send it by hand. */
    async dataOf(words: string): Promise<{ messageId: number; data: string }> {
      const { messageId = 0, buttons = [] } = (await last()) ?? {}
      const found = buttons.find((one) => String(one.text).startsWith(words))
      return { messageId, data: String(found?.callback_data) }
    },
  }
  return talk
}
