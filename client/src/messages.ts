import {
  BoardMessageSchema,
  ClientMessageSchema,
  LocationMessageSchema,
  ServerMessageSchema,
} from '../../src/schemas/socket-messages'

// Values only for the type declarations: the compiler expands the type of a value, but would refer a named type to zod.
export const boardMessage = BoardMessageSchema.parse(undefined)
export const locationMessage = LocationMessageSchema.parse(undefined)
export const clientMessage = ClientMessageSchema.parse(undefined)
export const serverMessage = ServerMessageSchema.parse(undefined)
