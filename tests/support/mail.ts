import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerAuthentication } from 'smtp-server'

export type Received = { to: string[]; from: string; raw: string; mail: ParsedMail }
type Refusal = { responseCode: number; message: string }

export type MailServer = {
  url: string
  received: Received[]
  /** Number of recipients that were named, accepted or not. */
  attempts: number
  /** Refuses the next recipients, with one refusal each. */
  refuseNext(...refusals: Refusal[]): void
  /** Runs after the next mail is stored and before it is acknowledged. `false` fails the acknowledgement. */
  onNext(happens: () => Promise<unknown> | boolean): void
  to(address: string): Received[]
  stop(): Promise<void>
}

export const greylisted: Refusal = { responseCode: 451, message: '4.7.1 Greylisted, please try again later' }
export const noSuchMailbox: Refusal = { responseCode: 550, message: '5.1.1 No such mailbox here' }

/** Starts an SMTP server that stores the mails it accepts. It requires `account`, if given, to sign in. */
export async function startMailServer(
  account?: { user: string; password: string },
  port = 0,
): Promise<MailServer> {
  const refusals: Refusal[] = []
  const received: Received[] = []
  let happens: (() => Promise<unknown> | boolean) | undefined
  const server = new SMTPServer({
    hideSTARTTLS: true,
    authOptional: !account,
    ...(account && { allowInsecureAuth: true }),
    disableReverseLookup: true,
    // Clients pool their connections, and `stop` does not wait for them.
    closeTimeout: 100,
    onAuth(auth: SMTPServerAuthentication, _session, done) {
      const right = auth.username === account?.user && auth.password === account?.password
      if (right) done(null, { user: auth.username })
      else done(Object.assign(new Error('5.7.8 Wrong name or password'), { responseCode: 535 }))
    },
    onRcptTo(_address, _session, done) {
      mailServer.attempts += 1
      const refusal = refusals.shift()
      done(refusal && Object.assign(new Error(refusal.message), refusal))
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', async () => {
        const raw = Buffer.concat(chunks)
        const { mailFrom, rcptTo } = session.envelope
        received.push({
          to: rcptTo.map(({ address }) => address),
          from: mailFrom ? mailFrom.address : '',
          raw: raw.toString(),
          mail: await simpleParser(raw),
        })
        const now = happens
        happens = undefined
        if ((await now?.()) !== false) return done()
        done(Object.assign(new Error('4.3.0 The connection is gone'), { responseCode: 421 }))
      })
    },
  })
  // Broken connections of clients are expected.
  server.on('error', () => undefined)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = server.server.address()
  if (!address || typeof address === 'string') throw new Error('the mail server is not listening')
  const login = account ? `${encodeURIComponent(account.user)}:${encodeURIComponent(account.password)}@` : ''
  const mailServer: MailServer = {
    url: `smtp://${login}127.0.0.1:${address.port}`,
    received,
    attempts: 0,
    refuseNext: (...more) => void refusals.push(...more),
    onNext(next) {
      happens = next
    },
    to: (address) => received.filter(({ to }) => to.includes(address)),
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
  return mailServer
}
