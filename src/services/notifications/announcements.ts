import type { Context } from '../../context'

/** An operator speaks to everyone who is connected. It is not stored: who is away does not hear it. */
export function announce({ publish }: Context, { message }: { message: string }): { ok: true } {
  publish('everyone', { type: 'announcement', message })
  return { ok: true }
}
