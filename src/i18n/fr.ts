import type { Agent, Catalogue } from './catalogue'

const didIt = (by: Exclude<Agent, 'system'>, other: string, participle: string) =>
  ({
    you: `Vous avez ${participle}`,
    them: `${other} a ${participle}`,
    operator: `Notre équipe a ${participle}`,
  })[by]
const refund = (amount: string, isCustomer: boolean) =>
  amount && ` ${isCustomer ? `Nous vous remboursons ${amount}` : `Nous remboursons ${amount} au client`}.`

export const fr: Catalogue = {
  locale: 'fr-FR',
  phrases: {
    serviceWith: (service, name) => `${service} avec ${name}`,
    serviceFor: (service, name) => `${service} pour ${name}`,
    formerUser: 'un ancien membre',
    booking: 'votre réservation',
    tiers: { bronze: 'Bronze', silver: 'Argent', gold: 'Or' },
    newPassword: {
      subject: 'Réinitialisez votre mot de passe',
      text: (link) =>
        `Nous avons reçu une demande de réinitialisation du mot de passe de votre compte. Choisissez un nouveau mot de passe dans l’heure :\n${link}\n\nSi la demande ne vient pas de vous, ignorez cet e-mail. Votre mot de passe n’a pas changé.`,
    },
    hello: (name) => `Bonjour ${name},`,
    farewell: 'À bientôt !',
    settings: (address) => `Choisissez les e-mails que vous recevez : ${address}`,
  },
  kinds: {
    booking_requested: {
      subject: 'Demande de réservation',
      text: ({ title, time, isCustomer, answerBy }) =>
        isCustomer
          ? `Vous avez demandé ${title}, ${time}. Vous recevrez une réponse avant le ${answerBy}.`
          : `Nouvelle demande : ${title}, ${time}. Acceptez-la ou refusez-la avant le ${answerBy}.`,
    },
    booking_confirmed: {
      subject: 'Réservation confirmée',
      text: ({ title, time, isCustomer }) =>
        isCustomer
          ? `Votre réservation est confirmée : ${title}, ${time}.`
          : `Nouvelle réservation : ${title}, ${time}.`,
    },
    booking_accepted: {
      subject: 'Demande acceptée',
      text: ({ title, time, isCustomer }) =>
        `${isCustomer ? 'Votre' : 'La'} demande a été acceptée : ${title}, ${time}.`,
    },
    booking_declined: {
      subject: 'Demande refusée',
      text: ({ title, time, by, other, isCustomer, amount }) =>
        by === 'system'
          ? `La demande a expiré sans réponse : ${title}, ${time}.${refund(amount, isCustomer)}`
          : `${didIt(by, other, 'refusé')} la demande : ${title}, ${time}.${refund(amount, isCustomer)}`,
    },
    booking_cancelled: {
      subject: 'Réservation annulée',
      text: ({ title, time, by, other, isCustomer, amount }) =>
        by === 'system'
          ? `La réservation a été annulée : ${title}, ${time}.${refund(amount, isCustomer)}`
          : `${didIt(by, other, 'annulé')} la réservation : ${title}, ${time}.${refund(amount, isCustomer)}`,
    },
    booking_moved: {
      subject: 'Réservation modifiée',
      text: ({ title, time, previousTime }) =>
        time === previousTime
          ? `Votre réservation a été modifiée : ${title}, ${time}.`
          : `Votre réservation a été déplacée : ${title}, ${time} au lieu du ${previousTime}.`,
    },
    booking_no_show: {
      subject: 'Réservation manquée',
      text: ({ title, time, isCustomer, other }) =>
        isCustomer
          ? `Vous avez manqué votre réservation : ${title}, ${time}. Le temps restant est de nouveau disponible.`
          : `Absence de ${other} : ${title}, ${time}.`,
    },
    booking_completed: {
      subject: 'Comment était-ce ?',
      text: ({ title, time, isCustomer }) =>
        isCustomer
          ? `Comment s’est passé votre rendez-vous : ${title}, ${time} ? Laissez un avis.`
          : `Réservation terminée : ${title}, ${time}.`,
    },
    reminder_day: {
      subject: 'Votre prochaine réservation',
      text: ({ title, time }) => `Dans les prochaines 24 heures : ${title}, ${time}.`,
    },
    reminder_hour: {
      subject: 'Votre réservation commence bientôt',
      text: ({ title, time }) => `Dans l’heure qui vient : ${title}, ${time}.`,
    },
    payment_received: {
      subject: 'Paiement reçu',
      text: ({ title, time, amount, isCustomer, other }) =>
        isCustomer
          ? `Nous avons reçu ${amount} pour ${title}, ${time}. Merci.`
          : `${other} a payé ${amount} pour ${title}, ${time}.`,
    },
    payment_returned: {
      subject: 'Paiement remboursé',
      text: ({ title, time, amount }) =>
        `Votre paiement de ${amount} pour ${title}, ${time}, n’était pas dû ou est arrivé trop tard. Nous vous le remboursons.`,
    },
    refund_made: {
      subject: 'Remboursement effectué',
      text: ({ title, time, amount, isCustomer, other }) =>
        isCustomer
          ? `Nous vous avons remboursé ${amount} pour ${title}, ${time}.`
          : `Nous avons remboursé ${amount} à ${other} pour ${title}, ${time}.`,
    },
    refund_failed: {
      subject: 'Échec du remboursement',
      text: ({ title, time, amount, isCustomer, other }) =>
        isCustomer
          ? `Votre banque a refusé le remboursement de ${amount} pour ${title}, ${time}. Contactez-nous.`
          : `La banque de ${other} a refusé le remboursement de ${amount} pour ${title}, ${time}.`,
    },
    balance_declined: {
      subject: 'Carte refusée',
      text: ({ title, time, amount, isCustomer, other }) =>
        `${isCustomer ? 'Votre carte' : `La carte de ${other}`} a été refusée. Il reste ${amount} à payer pour ${title}, ${time}.`,
    },
    review_received: {
      subject: 'Nouvel avis',
      text: ({ title }) => `Vous avez reçu un avis : ${title}.`,
    },
    review_answered: {
      subject: 'Réponse à votre avis',
      text: ({ title }) => `Votre avis sur ${title} a reçu une réponse.`,
    },
    event_place: {
      subject: 'Vous avez une place',
      text: ({ title, time }) => `Une place s’est libérée : vous participez à « ${title} », ${time}.`,
    },
    event_place_to_pay: {
      subject: 'Payez pour confirmer votre place',
      text: ({ title, time, amount, answerBy }) =>
        `Une place à « ${title} », ${time}, vous est réservée. Payez ${amount} avant le ${answerBy} pour la confirmer.`,
    },
    event_place_lost: {
      subject: 'Votre place n’est plus réservée',
      text: ({ title, time }) =>
        `Votre place à « ${title} », ${time}, n’a pas été payée à temps et est de nouveau libre.`,
    },
    event_changed: {
      subject: 'Événement modifié',
      text: ({ title, time, location, previousTime, amount }) =>
        `L’événement « ${title} » a changé : il a lieu ${time}${previousTime && ` au lieu du ${previousTime}`}, à ${location}.${amount && ` Une place coûte désormais ${amount}.`}`,
    },
    event_cancelled: {
      subject: 'Événement annulé',
      text: ({ title, time, location, amount }) =>
        `L’événement « ${title} », ${time}, à ${location}, est annulé.${refund(amount, true)}`,
    },
    event_reminder: {
      subject: 'Votre événement commence bientôt',
      text: ({ title, time, location }) => `« ${title} » commence ${time}, à ${location}.`,
    },
    event_passed_on: {
      subject: 'Vous organisez maintenant un événement',
      text: ({ title }) =>
        `La personne qui organisait « ${title} » est partie. Vous en êtes maintenant responsable.`,
    },
    points_earned: {
      subject: 'Points gagnés',
      text: ({ title, points, total }) =>
        `Vous avez gagné ${points} points pour ${title}. Votre solde est de ${total} points.`,
    },
    tier_reached: {
      subject: 'Nouveau niveau atteint',
      text: ({ tier, discountPercent, extraNoticeDays }) =>
        `Vous avez atteint le niveau ${tier} : ${discountPercent} % de remise sur chaque prix et des réservations possibles ${extraNoticeDays} jours plus tôt.`,
    },
  },
}
