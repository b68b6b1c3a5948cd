import type { Context } from '../../context'

/** Sends a message to all connected clients. It is not stored. */
export function announce({ publish }: Context, { message }: { message: string }): { ok: true } {
  publish('everyone', { type: 'announcement', message })
  return { ok: true }
}
