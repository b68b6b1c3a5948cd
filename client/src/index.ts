export type {
  AppRouter,
  Board,
  BoardMessage,
  Booking,
  CallError,
  CheckIn,
  ClientMessage,
  Event,
  Inputs,
  Location,
  LocationMessage,
  Outputs,
  Reason,
  ServerMessage,
  SignedIn,
  Slot,
  Space,
  User,
} from './api'
export { type Client, type ClientOptions, createClient } from './client'
export type { Day, Place, WatchError } from './connection'
export { isRefused, type Refused, reasonOf } from './errors'
export type { Dated } from './files'
export type { OnBoard, OnLocation } from './live'
export type { LocationView } from './location'
export type { OnPersonal, PersonalMessage } from './personal-messages'
export { type KeptTokens, keepTokens, type SessionOptions, type TokenStorage } from './session'
export type { BoardStatus, Watch, WatchOptions } from './watched'
