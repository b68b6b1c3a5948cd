import type { Agent, Catalogue } from './catalogue'

const agent = (by: Exclude<Agent, 'system'>, other: string) =>
  ({ you: 'You', them: other, operator: 'Our team' })[by]
const refund = (amount: string, isCustomer: boolean) =>
  amount && ` ${isCustomer ? 'You' : 'The member'} will be refunded ${amount}.`

export const en: Catalogue = {
  locale: 'en-GB',
  phrases: {
    serviceWith: (service, name) => `${service} with ${name}`,
    serviceFor: (service, name) => `${service} for ${name}`,
    formerUser: 'a former member',
    booking: 'your booking',
    tiers: { bronze: 'Bronze', silver: 'Silver', gold: 'Gold' },
    newPassword: {
      subject: 'Reset your password',
      text: (link) =>
        `We received a request to reset the password of your account. Choose a new password within one hour:\n${link}\n\nIf you did not request this, ignore this email. Your password has not changed.`,
    },
    hello: (name) => `Hello ${name},`,
    farewell: 'See you soon!',
    settings: (address) => `Choose which emails you receive: ${address}`,
  },
  kinds: {
    booking_requested: {
      subject: 'Booking request',
      text: ({ title, time, isCustomer, answerBy }) =>
        isCustomer
          ? `You requested ${title} on ${time}. You will get an answer by ${answerBy}.`
          : `New request: ${title} on ${time}. Accept or decline it by ${answerBy}.`,
    },
    booking_confirmed: {
      subject: 'Booking confirmed',
      text: ({ title, time, isCustomer }) =>
        isCustomer ? `Your booking is confirmed: ${title} on ${time}.` : `New booking: ${title} on ${time}.`,
    },
    booking_accepted: {
      subject: 'Request accepted',
      text: ({ title, time, isCustomer }) =>
        `${isCustomer ? 'Your' : 'The'} request was accepted: ${title} on ${time}.`,
    },
    booking_declined: {
      subject: 'Request declined',
      text: ({ title, time, by, other, isCustomer, amount }) =>
        by === 'system'
          ? `This request expired without an answer: ${title} on ${time}.${refund(amount, isCustomer)}`
          : `${agent(by, other)} declined this request: ${title} on ${time}.${refund(amount, isCustomer)}`,
    },
    booking_cancelled: {
      subject: 'Booking cancelled',
      text: ({ title, time, by, other, isCustomer, amount }) =>
        by === 'system'
          ? `This booking was cancelled: ${title} on ${time}.${refund(amount, isCustomer)}`
          : `${agent(by, other)} cancelled this booking: ${title} on ${time}.${refund(amount, isCustomer)}`,
    },
    booking_moved: {
      subject: 'Booking changed',
      text: ({ title, time, previousTime }) =>
        time === previousTime
          ? `Your booking has changed: ${title} on ${time}.`
          : `Your booking was rescheduled: ${title} is now on ${time} instead of ${previousTime}.`,
    },
    booking_no_show: {
      subject: 'Missed booking',
      text: ({ title, time, isCustomer, other }) =>
        isCustomer
          ? `You missed ${title} on ${time}. The remaining time is available to others.`
          : `${other} did not show up: ${title} on ${time}.`,
    },
    booking_completed: {
      subject: 'How was it?',
      text: ({ title, time, isCustomer }) =>
        isCustomer ? `How was ${title} on ${time}? Leave a review.` : `Completed: ${title} on ${time}.`,
    },
    reminder_day: {
      subject: 'Your upcoming booking',
      text: ({ title, time }) => `In the next 24 hours: ${title} on ${time}.`,
    },
    reminder_hour: {
      subject: 'Your booking starts soon',
      text: ({ title, time }) => `In the next hour: ${title} on ${time}.`,
    },
    payment_received: {
      subject: 'Payment received',
      text: ({ title, time, amount, isCustomer, other }) =>
        isCustomer
          ? `We received ${amount} for ${title} on ${time}. Thank you.`
          : `${other} paid ${amount} for ${title} on ${time}.`,
    },
    payment_returned: {
      subject: 'Payment returned',
      text: ({ title, time, amount }) =>
        `Your payment of ${amount} for ${title} on ${time} was not needed or arrived too late. We are refunding it.`,
    },
    refund_made: {
      subject: 'Refund issued',
      text: ({ title, time, amount, isCustomer, other }) =>
        isCustomer
          ? `We refunded ${amount} to you for ${title} on ${time}.`
          : `We refunded ${amount} to ${other} for ${title} on ${time}.`,
    },
    refund_failed: {
      subject: 'Refund failed',
      text: ({ title, time, amount, isCustomer, other }) =>
        isCustomer
          ? `Your bank rejected the refund of ${amount} for ${title} on ${time}. Please contact us.`
          : `The bank of ${other} rejected the refund of ${amount} for ${title} on ${time}.`,
    },
    balance_declined: {
      subject: 'Card declined',
      text: ({ title, time, amount, isCustomer, other }) =>
        `${isCustomer ? 'Your card' : `The card of ${other}`} was declined. ${amount} is still due for ${title} on ${time}.`,
    },
    review_received: {
      subject: 'New review',
      text: ({ title }) => `You received a review: ${title}.`,
    },
    review_answered: {
      subject: 'Reply to your review',
      text: ({ title }) => `Your review of ${title} received a reply.`,
    },
    event_place: {
      subject: 'You have a seat',
      text: ({ title, time }) => `A seat became available. You are now attending “${title}” on ${time}.`,
    },
    event_place_to_pay: {
      subject: 'Pay to confirm your seat',
      text: ({ title, time, amount, answerBy }) =>
        `A seat at “${title}” on ${time} is held for you. Pay ${amount} by ${answerBy} to confirm it.`,
    },
    event_place_lost: {
      subject: 'Your seat was released',
      text: ({ title, time }) =>
        `Your seat at “${title}” on ${time} was released because it was not paid in time.`,
    },
    event_changed: {
      subject: 'Event changed',
      text: ({ title, time, location, previousTime, amount }) =>
        `“${title}” has changed. It takes place on ${time}${previousTime && ` instead of ${previousTime}`}, at ${location}.${amount && ` A seat now costs ${amount}.`}`,
    },
    event_cancelled: {
      subject: 'Event cancelled',
      text: ({ title, time, location, amount }) =>
        `“${title}” on ${time} at ${location} was cancelled.${refund(amount, true)}`,
    },
    event_reminder: {
      subject: 'Your event starts soon',
      text: ({ title, time, location }) => `“${title}” starts on ${time} at ${location}.`,
    },
    event_passed_on: {
      subject: 'You are now the organizer',
      text: ({ title }) => `The organizer of “${title}” left. You are now the organizer.`,
    },
    points_earned: {
      subject: 'Points earned',
      text: ({ title, points, total }) =>
        `You earned ${points} points for ${title}. Your balance is ${total} points.`,
    },
    tier_reached: {
      subject: 'New tier reached',
      text: ({ tier, discountPercent, extraNoticeDays }) =>
        `You reached the ${tier} tier: ${discountPercent}% off every price, and bookings up to ${extraNoticeDays} days further ahead.`,
    },
  },
}
