export type {
  AppRouter,
  Board,
  BoardMessage,
  Booking,
  CallError,
  ClientMessage,
  Inputs,
  Location,
  Outputs,
  Reason,
  ServerMessage,
  SignedIn,
  Slot,
  Space,
  User,
} from './api'
export { type Client, type ClientOptions, createClient } from './client'
export type { WatchError } from './connection'
export { isRefused, type Refused, reasonOf } from './errors'
export type { BoardStatus, OnBoard, OnPersonal, PersonalMessage, Watch, WatchOptions } from './live'
export { keepTokens, type SessionOptions, type TokenStorage } from './session'
