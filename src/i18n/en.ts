import type { Catalogue, Doer } from './catalogue'

const by = (doer: Doer, other: string) =>
  ({ you: ' by you', them: ` by ${other}`, operator: ' by the house', nobody: '' })[doer]
const back = (amount: string, mine: boolean) =>
  amount && ` ${amount} ${mine ? 'goes back to you' : 'goes back to the customer'}.`

export const en: Catalogue = {
  locale: 'en-GB',
  phrases: {
    serviceWith: (service, name) => `${service} with ${name}`,
    serviceFor: (service, name) => `${service} for ${name}`,
    somebody: 'somebody',
    booking: 'your booking',
    tiers: { bronze: 'bronze', silver: 'silver', gold: 'gold' },
    newPassword: {
      subject: 'A new password',
      text: (link) =>
        `Somebody, probably you, has forgotten the password of this account. With this link you choose a new one, within an hour:\n${link}\n\nIf it was not you, there is nothing to do: your password is as it was.`,
    },
    hello: (name) => `Hello ${name},`,
    farewell: 'See you soon.',
    choose: (address) => `Which mails you get is yours to choose: ${address}`,
  },
  kinds: {
    booking_requested: {
      subject: 'A request',
      text: ({ what, when, mine, other, answerBy }) =>
        mine
          ? `You have asked for ${what}, ${when}. You will have an answer by ${answerBy}.`
          : `${other} asks for ${what}, ${when}. Please accept or decline by ${answerBy}.`,
    },
    booking_confirmed: {
      subject: 'Booked',
      text: ({ what, when, mine, other }) =>
        mine ? `It is booked: ${what}, ${when}.` : `${other} has booked ${what}, ${when}.`,
    },
    booking_accepted: {
      subject: 'Accepted',
      text: ({ what, when, mine, other }) =>
        mine ? `${other} says yes: ${what}, ${when}, is booked.` : `It is accepted: ${what}, ${when}.`,
    },
    booking_declined: {
      subject: 'Declined',
      text: ({ what, when, by: doer, other, mine, amount }) =>
        (doer === 'nobody'
          ? `The request was not answered in time: ${what}, ${when}.`
          : `The request was declined${by(doer, other)}: ${what}, ${when}.`) + back(amount, mine),
    },
    booking_cancelled: {
      subject: 'Cancelled',
      text: ({ what, when, by: doer, other, mine, amount }) =>
        `It was cancelled${by(doer, other)}: ${what}, ${when}.${back(amount, mine)}`,
    },
    booking_moved: {
      subject: 'Moved',
      text: ({ what, when, formerly }) =>
        when === formerly
          ? `It has changed: ${what}, ${when}.`
          : `It was moved: ${what} is now ${when}, and not ${formerly}.`,
    },
    booking_no_show: {
      subject: 'Missed',
      text: ({ what, when, mine, other }) =>
        mine
          ? `You did not come: ${what}, ${when}. The rest of the time is free for others.`
          : `${other} did not come: ${what}, ${when}.`,
    },
    booking_completed: {
      subject: 'How was it?',
      text: ({ what, when, mine }) =>
        mine ? `${what}, ${when}, is over. You may now say how it was.` : `It took place: ${what}, ${when}.`,
    },
    reminder_day: {
      subject: 'Tomorrow',
      text: ({ what, when }) => `Within a day: ${what}, ${when}.`,
    },
    reminder_hour: {
      subject: 'Soon',
      text: ({ what, when }) => `Within an hour: ${what}, ${when}.`,
    },
    payment_received: {
      subject: 'Payment received',
      text: ({ what, when, amount, mine, other }) =>
        mine
          ? `We have received ${amount} for ${what}, ${when}. Thank you.`
          : `${other} has paid ${amount} for ${what}, ${when}.`,
    },
    payment_returned: {
      subject: 'Payment returned',
      text: ({ what, when, amount }) =>
        `${amount} was not needed, or came too late, for ${what}, ${when}, and goes back to you.`,
    },
    refund_made: {
      subject: 'Refund',
      text: ({ what, when, amount, mine, other }) =>
        mine
          ? `We have given ${amount} back to you for ${what}, ${when}.`
          : `We have given ${amount} back to ${other} for ${what}, ${when}.`,
    },
    refund_failed: {
      subject: 'A refund failed',
      text: ({ what, when, amount, mine, other }) =>
        mine
          ? `${amount} for ${what}, ${when}, could not be given back: your bank refused it. Please write to us.`
          : `${amount} for ${what}, ${when}, could not be given back: the bank of ${other} refused it.`,
    },
    balance_declined: {
      subject: 'A card was declined',
      text: ({ what, when, amount, mine, other }) =>
        mine
          ? `Your card was declined: ${amount} is still to pay for ${what}, ${when}.`
          : `The card of ${other} was declined: ${amount} is still to pay for ${what}, ${when}.`,
    },
    review_received: {
      subject: 'A review',
      text: ({ what, other }) => `${other} has reviewed ${what}.`,
    },
    review_answered: {
      subject: 'An answer to your review',
      text: ({ what }) => `Your review of ${what} has an answer.`,
    },
    event_place: {
      subject: 'You have a place',
      text: ({ what, when }) => `A place is free: you attend “${what}” now, ${when}.`,
    },
    event_place_to_pay: {
      subject: 'A place is held for you',
      text: ({ what, when, amount, answerBy }) =>
        `A place is free: “${what}”, ${when}, is yours if you pay ${amount} by ${answerBy}.`,
    },
    event_place_lost: {
      subject: 'Your place is free again',
      text: ({ what, when }) =>
        `Your place at “${what}”, ${when}, was not paid for in time and is no longer yours.`,
    },
    event_changed: {
      subject: 'An event has changed',
      text: ({ what, when, where, formerly, amount }) =>
        `“${what}” has changed: it is on ${when}${formerly && `, and not on ${formerly}`}, at ${where}.${amount && ` A place is ${amount} now.`}`,
    },
    event_cancelled: {
      subject: 'An event is cancelled',
      text: ({ what, when, where, amount }) =>
        `“${what}” is cancelled: ${when}, at ${where}.${back(amount, true)}`,
    },
    event_reminder: {
      subject: 'An event begins soon',
      text: ({ what, when, where }) => `“${what}” begins ${when}, at ${where}.`,
    },
    event_passed_on: {
      subject: 'An event is yours now',
      text: ({ what }) => `Who made “${what}” has left. It is yours now.`,
    },
    points_earned: {
      subject: 'Points',
      text: ({ what, points, total }) =>
        `You have earned ${points} points with ${what}. You have ${total} now.`,
    },
    tier_reached: {
      subject: 'A new tier',
      text: ({ tier, discountPercent, extraNoticeDays }) =>
        `You have reached ${tier}: ${discountPercent}% off every price, and you may book ${extraNoticeDays} days further ahead.`,
    },
  },
}
