import type { ChannelName } from '../../db/schema'
import type { Channel } from './channel'
import { email } from './email'
import { telegram } from './telegram'

/** Every way out of here, beside the sockets of the app itself. A channel that is not in it reaches nobody. */
export const channels: Partial<Record<Exclude<ChannelName, 'app'>, Channel>> = { email, telegram }
