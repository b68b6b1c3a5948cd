export * from './bookings'
export * from './locations'
export * from './spaces'
export * from './users'
