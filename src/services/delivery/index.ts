import type { ChannelName } from '../../db/schema'
import type { Channel } from './channel'
import { email } from './email'
import { telegram } from './telegram'

/** The channels besides the app's own sockets. */
export const channels: Partial<Record<Exclude<ChannelName, 'app'>, Channel>> = { email, telegram }
