import type { Env } from '../env'

export type Mail = {
  to: { name: string; address: string }
  subject: string
  text: string
  /** The part of its Message-ID before the @: two mails with the same one are the same mail. */
  name: string
  language: string
  calendar?: { method: 'PUBLISH'; content: string } | undefined
}

export type Mailer = {
  /** Whether the server is there and lets us in. @throws what it says where it does not */
  check(): Promise<unknown>
  /** Hands a mail to the server of SMTP_URL, and throws what that says where it does not take it. */
  send(mail: Mail): Promise<void>
  close(): void
}

/** For so long at the most a mail is waited for, however slowly the server takes it. */
const DEADLINE_MS = 60_000
/** A server that takes a connection and says nothing must not hold up the queue. */
const TIMEOUTS = {
  connectionTimeout: 10_000,
  greetingTimeout: 10_000,
  socketTimeout: 20_000,
  dnsTimeout: 10_000,
}

/** Sends mail through the server of SMTP_URL; null where none is set, and then nobody gets any. */
export function createMailer({ SMTP_URL, MAIL_FROM, PUBLIC_URL }: Env): Mailer | null {
  if (!SMTP_URL) return null
  const host = PUBLIC_URL ? new URL(PUBLIC_URL).hostname : 'localhost'
  const from = MAIL_FROM ?? { name: 'CoworkSpace', address: `no-reply@${host}` }
  // Loaded with the first mail: a start is faster without.
  const connect = async () =>
    (await import('nodemailer')).createTransport({
      url: SMTP_URL,
      pool: true,
      maxConnections: 2,
      ...TIMEOUTS,
      // Text and attachments are made here; nothing of a mail may make the server read a file or call an address.
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

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the mail server is too slow')), DEADLINE_MS)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
