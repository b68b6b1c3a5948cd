import type { Catalogue, Doer } from './catalogue'

const by = (doer: Doer, other: string) =>
  ({ you: ' par vous', them: ` par ${other}`, operator: ' par la maison', nobody: '' })[doer]
const back = (amount: string, mine: boolean) =>
  amount && ` ${amount} ${mine ? 'vous sont remboursés' : 'sont remboursés au client'}.`

export const fr: Catalogue = {
  locale: 'fr-FR',
  phrases: {
    serviceWith: (service, name) => `${service} avec ${name}`,
    serviceFor: (service, name) => `${service} pour ${name}`,
    somebody: 'quelqu’un',
    booking: 'votre réservation',
    tiers: { bronze: 'bronze', silver: 'argent', gold: 'or' },
    newPassword: {
      subject: 'Un nouveau mot de passe',
      text: (link) =>
        `Quelqu’un, sans doute vous, a oublié le mot de passe de ce compte. Ce lien vous permet d’en choisir un nouveau, pendant une heure :\n${link}\n\nSi ce n’était pas vous, il n’y a rien à faire : votre mot de passe n’a pas changé.`,
    },
    hello: (name) => `Bonjour ${name},`,
    farewell: 'À bientôt.',
    choose: (address) => `Vous choisissez les messages que vous recevez : ${address}`,
  },
  kinds: {
    booking_requested: {
      subject: 'Une demande',
      text: ({ what, when, mine, other, answerBy }) =>
        mine
          ? `Vous avez demandé ${what}, ${when}. Vous aurez une réponse avant ${answerBy}.`
          : `${other} demande ${what}, ${when}. Acceptez ou refusez avant ${answerBy}.`,
    },
    booking_confirmed: {
      subject: 'Réservé',
      text: ({ what, when, mine, other }) =>
        mine ? `C’est réservé : ${what}, ${when}.` : `${other} a réservé ${what}, ${when}.`,
    },
    booking_accepted: {
      subject: 'Accepté',
      text: ({ what, when, mine, other }) =>
        mine ? `${other} a dit oui : ${what}, ${when}, est réservé.` : `C’est accepté : ${what}, ${when}.`,
    },
    booking_declined: {
      subject: 'Refusé',
      text: ({ what, when, by: doer, other, mine, amount }) =>
        (doer === 'nobody'
          ? `La demande est restée sans réponse : ${what}, ${when}.`
          : `La demande a été refusée${by(doer, other)} : ${what}, ${when}.`) + back(amount, mine),
    },
    booking_cancelled: {
      subject: 'Annulé',
      text: ({ what, when, by: doer, other, mine, amount }) =>
        `La réservation a été annulée${by(doer, other)} : ${what}, ${when}.${back(amount, mine)}`,
    },
    booking_moved: {
      subject: 'Déplacé',
      text: ({ what, when, formerly }) =>
        when === formerly
          ? `La réservation a changé : ${what}, ${when}.`
          : `La réservation a été déplacée : ${what}, désormais ${when}, et non ${formerly}.`,
    },
    booking_no_show: {
      subject: 'Absence',
      text: ({ what, when, mine, other }) =>
        mine
          ? `Vous n’êtes pas venu : ${what}, ${when}. Le temps qui reste est libre pour d’autres.`
          : `${other} n’est pas venu : ${what}, ${when}.`,
    },
    booking_completed: {
      subject: 'Comment était-ce ?',
      text: ({ what, when, mine }) =>
        mine
          ? `${what}, ${when}, est terminé. Vous pouvez dire comment c’était.`
          : `Cela a eu lieu : ${what}, ${when}.`,
    },
    reminder_day: {
      subject: 'Demain',
      text: ({ what, when }) => `D’ici un jour : ${what}, ${when}.`,
    },
    reminder_hour: {
      subject: 'Bientôt',
      text: ({ what, when }) => `D’ici une heure : ${what}, ${when}.`,
    },
    payment_received: {
      subject: 'Paiement reçu',
      text: ({ what, when, amount, mine, other }) =>
        mine
          ? `Nous avons reçu ${amount} pour ${what}, ${when}. Merci.`
          : `${other} a payé ${amount} pour ${what}, ${when}.`,
    },
    payment_returned: {
      subject: 'Paiement rendu',
      text: ({ what, when, amount }) =>
        `${amount} n’étaient pas dus, ou sont arrivés trop tard, pour ${what}, ${when} : ils vous sont rendus.`,
    },
    refund_made: {
      subject: 'Remboursement',
      text: ({ what, when, amount, mine, other }) =>
        mine
          ? `Nous vous avons remboursé ${amount} pour ${what}, ${when}.`
          : `Nous avons remboursé ${amount} à ${other} pour ${what}, ${when}.`,
    },
    refund_failed: {
      subject: 'Un remboursement a échoué',
      text: ({ what, when, amount, mine, other }) =>
        mine
          ? `Le remboursement de ${amount} pour ${what}, ${when}, a échoué : votre banque l’a refusé. Écrivez-nous.`
          : `Le remboursement de ${amount} pour ${what}, ${when}, a échoué : la banque de ${other} l’a refusé.`,
    },
    balance_declined: {
      subject: 'Carte refusée',
      text: ({ what, when, amount, mine, other }) =>
        mine
          ? `Votre carte a été refusée : il reste ${amount} à payer pour ${what}, ${when}.`
          : `La carte de ${other} a été refusée : il reste ${amount} à payer pour ${what}, ${when}.`,
    },
    review_received: {
      subject: 'Un avis',
      text: ({ what, other }) => `${other} a donné son avis sur ${what}.`,
    },
    review_answered: {
      subject: 'Une réponse à votre avis',
      text: ({ what }) => `Votre avis sur ${what} a une réponse.`,
    },
    event_place: {
      subject: 'Vous avez une place',
      text: ({ what, when }) => `Une place est libre : vous participez à « ${what} », ${when}.`,
    },
    event_place_to_pay: {
      subject: 'Une place vous est gardée',
      text: ({ what, when, amount, answerBy }) =>
        `Une place est libre : « ${what} », ${when}, est à vous si vous payez ${amount} avant ${answerBy}.`,
    },
    event_place_lost: {
      subject: 'Votre place est de nouveau libre',
      text: ({ what, when }) =>
        `Votre place à « ${what} », ${when}, n’a pas été payée à temps et n’est plus à vous.`,
    },
    event_changed: {
      subject: 'Un événement a changé',
      text: ({ what, when, where, formerly, amount }) =>
        `« ${what} » a changé : c’est ${when}${formerly && `, et non ${formerly}`}, ${where}.${amount && ` Une place coûte désormais ${amount}.`}`,
    },
    event_cancelled: {
      subject: 'Un événement est annulé',
      text: ({ what, when, where, amount }) =>
        `« ${what} » est annulé : ${when}, ${where}.${back(amount, true)}`,
    },
    event_reminder: {
      subject: 'Un événement commence bientôt',
      text: ({ what, when, where }) => `« ${what} » commence ${when}, ${where}.`,
    },
    event_passed_on: {
      subject: 'Un événement est à vous',
      text: ({ what }) => `L’auteur de « ${what} » est parti. L’événement est à vous.`,
    },
    points_earned: {
      subject: 'Des points',
      text: ({ what, points, total }) =>
        `Vous avez gagné ${points} points avec ${what}. Vous en avez ${total} maintenant.`,
    },
    tier_reached: {
      subject: 'Un nouveau niveau',
      text: ({ tier, discountPercent, extraNoticeDays }) =>
        `Vous avez atteint le niveau ${tier} : ${discountPercent} % de remise sur chaque prix, et vous pouvez réserver ${extraNoticeDays} jours plus tôt.`,
    },
  },
}
