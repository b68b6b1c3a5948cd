import { createLog, type Log } from '../../src/lib/logger'

export type CapturedLog = { log: Log; text(): string; lines(): Record<string, unknown>[] }

/** The log as a server writes it, kept instead of printed. */
export function captureLog(level = 'trace'): CapturedLog {
  const written: string[] = []
  const log = createLog({ level, terminal: false, destination: { write: (line) => written.push(line) } })
  return {
    log,
    text: () => written.join(''),
    lines: () => written.map((line) => JSON.parse(line)),
  }
}
