import {
  BoardMessageSchema,
  ClientMessageSchema,
  LocationMessageSchema,
  ServerMessageSchema,
} from '../../src/schemas/socket-messages'

// For the compiler only, which spells out the type of a value; a type it would leave to the library that made it.
export const boardMessage = BoardMessageSchema.parse(undefined)
export const locationMessage = LocationMessageSchema.parse(undefined)
export const clientMessage = ClientMessageSchema.parse(undefined)
export const serverMessage = ServerMessageSchema.parse(undefined)
