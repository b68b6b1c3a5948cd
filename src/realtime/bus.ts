import type { Server } from 'bun'
import type { Publish } from '../context'

/** How messages travel to those who listen. In one process: straight to Bun's own publish, serialised once. */
export type Bus = { publish: Publish; attach(server: Server<unknown>): void; published(): number }

export function createLocalBus(): Bus {
  let server: Server<unknown> | undefined
  let published = 0
  return {
    publish(topic, message) {
      published += 1
      server?.publish(topic, JSON.stringify(message))
    },
    attach: (listening) => {
      server = listening
    },
    published: () => published,
  }
}
