import {
  BoardMessageShape,
  ClientMessageShape,
  LocationMessageShape,
  ServerMessageShape,
} from '../../src/schemas/socket-messages'

// For the compiler only, which spells out the type of a value; a type it would leave to the library that made it.
export const boardMessage = BoardMessageShape.parse(undefined)
export const locationMessage = LocationMessageShape.parse(undefined)
export const clientMessage = ClientMessageShape.parse(undefined)
export const serverMessage = ServerMessageShape.parse(undefined)
