import {
  BoardMessageShape,
  ClientMessageShape,
  LocationMessageShape,
  ServerMessageShape,
} from '../../src/realtime/events'

// Values only for the type declarations: the compiler expands the type of a value, but would refer a named type to zod.
export const boardMessage = BoardMessageShape.parse(undefined)
export const locationMessage = LocationMessageShape.parse(undefined)
export const clientMessage = ClientMessageShape.parse(undefined)
export const serverMessage = ServerMessageShape.parse(undefined)
