import type { TRPCClientErrorLike } from '@trpc/client'
import type { inferRouterInputs, inferRouterOutputs } from '@trpc/server'
import type { Reason } from '../../src/errors'
import type { AppRouter } from '../../src/routers'
import type { boardMessage, clientMessage, locationMessage, serverMessage } from './messages'

export type { AppRouter, Reason }

/** Inputs of all procedures, for example `Inputs['slots']['hold']`. */
export type Inputs = inferRouterInputs<AppRouter>
/** Outputs of all procedures, for example `Outputs['bookings']['list']`. */
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

/** A whole board, a change of its slots, or its current version. */
export type BoardMessage = typeof boardMessage
/** A whole location, its current check-ins or events, or its current version. */
export type LocationMessage = typeof locationMessage
export type ClientMessage = typeof clientMessage
export type ServerMessage = typeof serverMessage

/** A refused call. `data` is undefined if the call did not reach the server. */
export type CallError = TRPCClientErrorLike<AppRouter>
