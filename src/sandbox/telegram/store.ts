import { openSchema } from '../parts'

/** A message of a chat, as the person sees it now. */
export type Message = {
  messageId: number
  chatId: number
  from: 'bot' | 'person'
  text: string
  /** Rows of buttons below it, as the bot sent them. */
  keyboard: Record<string, unknown>[][] | null
  edits: number
}
/** Somebody at the stand-in: their ids begin where no person of Telegram's can be, so nobody is taken for one. */
export type Sender = {
  id: number
  is_bot: false
  first_name: string
  username: string
  language_code: string
}
type Update = { updateId: number; body: string; attempts: number }

export const FIRST_PERSON_ID = 9_000_000_000_000

export type Store = Awaited<ReturnType<typeof openStore>>

const LOCK = 7_261_054_932

/**
 * Keeps chats, and what is still to be delivered, in a schema of its own beside the project's tables, for all servers of an
 * installation. Production has no such schema.
 */
export async function openStore(databaseUrl: string) {
  const sql = await openSchema(databaseUrl, { lock: LOCK, schema: SCHEMA, connections: 2 })
  return {
    async addMessage(message: Omit<Message, 'messageId' | 'edits'>): Promise<Message> {
      const [row] = await sql<{ id: number }[]>`
        INSERT INTO telegram_sandbox.messages (chat, sender, text, keyboard)
        VALUES (${message.chatId}, ${message.from}, ${textOf(message.text)}, ${keyboardOf(message.keyboard)}) RETURNING id::int`
      return { ...message, messageId: row?.id ?? 0, edits: 0 }
    },
    /** @returns nothing where the bot has no such message */
    async editMessage(
      { chatId, messageId }: Pick<Message, 'chatId' | 'messageId'>,
      change: { text: string | null; keyboard: Message['keyboard'] },
    ): Promise<boolean> {
      const rows = await sql`
        UPDATE telegram_sandbox.messages
        SET text = coalesce(${change.text && textOf(change.text)}::text, text), keyboard = ${keyboardOf(change.keyboard)}, edits = edits + 1
        WHERE chat = ${chatId} AND id = ${messageId} AND sender = 'bot' RETURNING id`
      return rows.length > 0
    },
    async messages(chatId: number): Promise<Message[]> {
      const rows = await sql<
        { id: number; sender: Message['from']; text: string; keyboard: string | null; edits: number }[]
      >`
        SELECT id::int, sender, text, keyboard, edits FROM telegram_sandbox.messages WHERE chat = ${chatId} ORDER BY id`
      return rows.map(({ id, sender, keyboard, ...row }) => ({
        messageId: id,
        chatId,
        from: sender,
        text: JSON.parse(row.text),
        keyboard: keyboard === null ? null : JSON.parse(keyboard),
        edits: row.edits,
      }))
    },
    /** What the bot showed for a moment when a button was pressed; asked with nothing, whether that press is known. */
    async answerPress(id: string, text: string): Promise<boolean> {
      const rows = await sql`
        UPDATE telegram_sandbox.presses SET answer = ${textOf(text)} WHERE id = ${id} RETURNING id`
      return rows.length > 0
    },
    async answerOf(id: string): Promise<string | null> {
      const [row] = await sql<{ answer: string | null }[]>`
        SELECT answer FROM telegram_sandbox.presses WHERE id = ${id}`
      return row?.answer ? JSON.parse(row.answer) : null
    },
    async isBlockedBy(chatId: number): Promise<boolean> {
      const [row] = await sql`SELECT 1 FROM telegram_sandbox.blocks WHERE chat = ${chatId}`
      return row !== undefined
    },
    async setBlocked(chatId: number, blocked: boolean): Promise<void> {
      if (blocked)
        await sql`INSERT INTO telegram_sandbox.blocks (chat) VALUES (${chatId}) ON CONFLICT DO NOTHING`
      else await sql`DELETE FROM telegram_sandbox.blocks WHERE chat = ${chatId}`
    },
    /** Puts an update in line for the webhook. @returns its number */
    async queueUpdate(update: Record<string, unknown>, pressId?: string): Promise<number> {
      if (pressId) await sql`INSERT INTO telegram_sandbox.presses (id) VALUES (${pressId})`
      const [row] = await sql<{ id: number }[]>`
        INSERT INTO telegram_sandbox.updates (body) VALUES (${JSON.stringify(update)}) RETURNING id::int`
      return row?.id ?? 0
    },
    // Each is taken by one server; one that died over it is followed by another after a while.
    async dueUpdates(): Promise<Update[]> {
      const rows = await sql<{ id: number; body: string; attempts: number }[]>`
        UPDATE telegram_sandbox.updates SET at = clock_timestamp() + interval '20 seconds', attempts = attempts + 1
        WHERE id IN (SELECT id FROM telegram_sandbox.updates WHERE at <= clock_timestamp() ORDER BY id LIMIT 20 FOR UPDATE SKIP LOCKED)
        RETURNING id::int, body, attempts`
      return rows.map(({ id, ...row }) => ({ updateId: id, ...row })).sort((a, b) => a.updateId - b.updateId)
    },
    async delivered(updateId: number): Promise<void> {
      await sql`DELETE FROM telegram_sandbox.updates WHERE id = ${updateId}`
    },
    async deliverLater(updateId: number, afterMs: number): Promise<void> {
      await sql`UPDATE telegram_sandbox.updates SET at = clock_timestamp() + make_interval(secs => ${afterMs / 1000}) WHERE id = ${updateId}`
    },
    async pending(): Promise<number> {
      const [row] = await sql<
        { count: number }[]
      >`SELECT count(*)::int AS count FROM telegram_sandbox.updates`
      return row?.count ?? 0
    },
    close: () => sql.end({ timeout: 2 }),
  }
}

/** As JSON, which has a way to write every character that a database refuses. */
const textOf = (text: string) => JSON.stringify(text)
const keyboardOf = (keyboard: Message['keyboard']) => (keyboard === null ? null : JSON.stringify(keyboard))

const SCHEMA = `
  CREATE SCHEMA IF NOT EXISTS telegram_sandbox;
  CREATE TABLE IF NOT EXISTS telegram_sandbox.messages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, chat bigint NOT NULL, sender text NOT NULL, text text NOT NULL,
    keyboard text, edits int NOT NULL DEFAULT 0);
  CREATE INDEX IF NOT EXISTS messages_chat ON telegram_sandbox.messages (chat, id);
  CREATE TABLE IF NOT EXISTS telegram_sandbox.presses (id text PRIMARY KEY, answer text);
  CREATE TABLE IF NOT EXISTS telegram_sandbox.blocks (chat bigint PRIMARY KEY);
  CREATE TABLE IF NOT EXISTS telegram_sandbox.updates (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts int NOT NULL DEFAULT 0);
`
