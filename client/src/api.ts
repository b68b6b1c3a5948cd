import type { TRPCClientErrorLike } from '@trpc/client'
import type { inferRouterInputs, inferRouterOutputs } from '@trpc/server'
import type { Reason } from '../../src/errors'
import type { AppRouter } from '../../src/routers'
import type { boardMessage, clientMessage, locationMessage, serverMessage } from './messages'

export type { AppRouter, Reason }

/** What each procedure takes, for example `Inputs['slots']['hold']`. */
export type Inputs = inferRouterInputs<AppRouter>
/** What each procedure answers, for example `Outputs['bookings']['list']`. */
export type Outputs = inferRouterOutputs<AppRouter>

export type SignedIn = Outputs['auth']['login']
export type User = Outputs['auth']['me']
export type Location = Outputs['locations']['byId']
export type Space = Outputs['spaces']['byId']
export type Board = Outputs['slots']['day']
export type Slot = Board['slots'][number]
export type Booking = Outputs['bookings']['byId']
export type CheckIn = Outputs['checkIns']['checkIn']
export type Event = Outputs['events']['byId']

/** What a board lives by: the whole of it, its changes, and how far they are. */
export type BoardMessage = typeof boardMessage
/** What a watched location lives by: the whole of it, each half as it is now, and how far they are. */
export type LocationMessage = typeof locationMessage
/** What may be sent on the socket. */
export type ClientMessage = typeof clientMessage
/** What comes on the socket. */
export type ServerMessage = typeof serverMessage

/** A call that was refused, or did not reach the server: `data` is undefined then. */
export type CallError = TRPCClientErrorLike<AppRouter>
