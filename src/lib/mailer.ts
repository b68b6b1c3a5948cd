import type { Env } from '../env'
import { withTimeout } from './with-timeout'

export type Mail = {
  to: { name: string; address: string }
  subject: string
  text: string
  /** The part of the Message-ID before the @. Sending it again repeats the same mail. */
  name: string
  language: string
  calendar?: { method: 'PUBLISH'; content: string } | undefined
}

export type Mailer = {
  check(): Promise<unknown>
  send(mail: Mail): Promise<void>
  close(): void
}

const DEADLINE_MS = 60_000
const TIMEOUTS = {
  connectionTimeout: 10_000,
  greetingTimeout: 10_000,
  socketTimeout: 20_000,
  dnsTimeout: 10_000,
}

/** Sends mail through SMTP_URL; null if it is not set. */
export function createMailer({ SMTP_URL, MAIL_FROM, PUBLIC_URL }: Env): Mailer | null {
  if (!SMTP_URL) return null
  const host = PUBLIC_URL ? new URL(PUBLIC_URL).hostname : 'localhost'
  const from = MAIL_FROM ?? { name: 'CoworkSpace', address: `no-reply@${host}` }
  const connect = async () =>
    (await import('nodemailer')).createTransport({
      url: SMTP_URL,
      pool: true,
      maxConnections: 2,
      ...TIMEOUTS,
      // No mail needs files or URLs, and none may make nodemailer read one.
      disableFileAccess: true,
      disableUrlAccess: true,
    })
  let transport: ReturnType<typeof connect> | undefined
  return {
    async send({ to, subject, text, name, language, calendar }) {
      transport ??= connect()
      const sent = (await transport).sendMail({
        from,
        to,
        subject,
        text,
        messageId: `<${name}@${host}>`,
        headers: { 'Content-Language': language, 'Auto-Submitted': 'auto-generated' },
        ...(calendar && { icalEvent: { ...calendar, filename: 'booking.ics' } }),
      })
      await inTime(sent)
    },
    async check() {
      transport ??= connect()
      await inTime((await transport).verify())
    },
    close: () => void transport?.then((connected) => connected.close()),
  }
}

const inTime = <T>(work: Promise<T>): Promise<T> =>
  withTimeout(work, DEADLINE_MS, () => {
    throw new Error('the mail server timed out')
  })
