import type postgres from 'postgres'
import { openSchema } from '../parts'

export type Message = {
  messageId: number
  chatId: number
  from: 'bot' | 'person'
  text: string
  keyboard: Record<string, unknown>[][] | null
  edits: number
}
/** A sandbox user, with an id that no Telegram user can have. */
export type Sender = {
  id: number
  is_bot: false
  first_name: string
  username: string
  language_code: string
}
export type Update = { updateId: number; body: string; attempts: number }

export const FIRST_PERSON_ID = 9_000_000_000_000

export type Store = Awaited<ReturnType<typeof openStore>>

const LOCK = 7_261_054_932

/** Stores chats and pending updates in a schema of their own, which all servers share. */
export async function openStore(databaseUrl: string) {
  const sql = await openSchema(databaseUrl, { lock: LOCK, schema: SCHEMA, connections: 2 })
  return {
    ...messagesIn(sql),
    ...pressesIn(sql),
    ...blocksIn(sql),
    ...updatesIn(sql),
    close: () => sql.end({ timeout: 2 }),
  }
}

function messagesIn(sql: postgres.Sql) {
  return {
    async addMessage(message: Omit<Message, 'messageId' | 'edits'>): Promise<Message> {
      const [row] = await sql<{ id: number }[]>`
        INSERT INTO telegram_sandbox.messages (chat, sender, text, keyboard)
        VALUES (${message.chatId}, ${message.from}, ${textOf(message.text)}, ${keyboardOf(message.keyboard)}) RETURNING id::int`
      return { ...message, messageId: row?.id ?? 0, edits: 0 }
    },
    /** @returns false if the bot has no such message */
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
  }
}

function pressesIn(sql: postgres.Sql) {
  return {
    /** Stores the notice for a press. @returns false if the press is unknown */
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
  }
}

function blocksIn(sql: postgres.Sql) {
  return {
    async isBlockedBy(chatId: number): Promise<boolean> {
      const [row] = await sql`SELECT 1 FROM telegram_sandbox.blocks WHERE chat = ${chatId}`
      return row !== undefined
    },
    async setBlocked(chatId: number, blocked: boolean): Promise<void> {
      if (blocked)
        await sql`INSERT INTO telegram_sandbox.blocks (chat) VALUES (${chatId}) ON CONFLICT DO NOTHING`
      else await sql`DELETE FROM telegram_sandbox.blocks WHERE chat = ${chatId}`
    },
  }
}

function updatesIn(sql: postgres.Sql) {
  return {
    /** @returns the id of the update */
    async queueUpdate(update: Record<string, unknown>, pressId?: string): Promise<number> {
      if (pressId) await sql`INSERT INTO telegram_sandbox.presses (id) VALUES (${pressId})`
      const [row] = await sql<{ id: number }[]>`
        INSERT INTO telegram_sandbox.updates (body) VALUES (${JSON.stringify(update)}) RETURNING id::int`
      return row?.id ?? 0
    },
    // Each update is claimed by one server. If that dies, another one retries after 20 seconds.
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
  }
}

/** Stored as JSON, which escapes the characters that PostgreSQL refuses. */
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
