import type { Catalogue, Doer } from './catalogue'

const by = (doer: Doer, other: string) =>
  ({ you: ' da te', them: ` da ${other}`, operator: ' dalla struttura', nobody: '' })[doer]
const back = (amount: string, mine: boolean) =>
  amount && ` ${mine ? `Ti rimborsiamo ${amount}` : `Al cliente tornano ${amount}`}.`

export const it: Catalogue = {
  locale: 'it-IT',
  phrases: {
    serviceWith: (service, name) => `${service} con ${name}`,
    serviceFor: (service, name) => `${service} per ${name}`,
    somebody: 'qualcuno',
    booking: 'la tua prenotazione',
    tiers: { bronze: 'bronzo', silver: 'argento', gold: 'oro' },
    newPassword: {
      subject: 'Una nuova password',
      text: (link) =>
        `Qualcuno, probabilmente tu, ha dimenticato la password di questo account. Con questo link ne scegli una nuova, entro un’ora:\n${link}\n\nSe non sei stato tu, non devi fare nulla: la tua password è quella di prima.`,
    },
    hello: (name) => `Ciao ${name},`,
    farewell: 'A presto.',
    choose: (address) => `Scegli tu quali messaggi ricevere: ${address}`,
  },
  kinds: {
    booking_requested: {
      subject: 'Una richiesta',
      text: ({ what, when, mine, other, answerBy }) =>
        mine
          ? `Hai chiesto ${what}, ${when}. Avrai una risposta entro ${answerBy}.`
          : `${other} chiede ${what}, ${when}. Accetta o rifiuta entro ${answerBy}.`,
    },
    booking_confirmed: {
      subject: 'Prenotato',
      text: ({ what, when, mine, other }) =>
        mine ? `La prenotazione è confermata: ${what}, ${when}.` : `${other} ha prenotato ${what}, ${when}.`,
    },
    booking_accepted: {
      subject: 'Accettato',
      text: ({ what, when, mine, other }) =>
        mine
          ? `${other} ha accettato: ${what}, ${when}, è prenotato.`
          : `La richiesta è accettata: ${what}, ${when}.`,
    },
    booking_declined: {
      subject: 'Rifiutato',
      text: ({ what, when, by: doer, other, mine, amount }) =>
        (doer === 'nobody'
          ? `La richiesta non ha avuto risposta in tempo: ${what}, ${when}.`
          : `La richiesta è stata rifiutata${by(doer, other)}: ${what}, ${when}.`) + back(amount, mine),
    },
    booking_cancelled: {
      subject: 'Annullato',
      text: ({ what, when, by: doer, other, mine, amount }) =>
        `La prenotazione è stata annullata${by(doer, other)}: ${what}, ${when}.${back(amount, mine)}`,
    },
    booking_moved: {
      subject: 'Spostato',
      text: ({ what, when, formerly }) =>
        when === formerly
          ? `La prenotazione è cambiata: ${what}, ${when}.`
          : `La prenotazione è stata spostata: ${what} ora è ${when}, e non ${formerly}.`,
    },
    booking_no_show: {
      subject: 'Non presentato',
      text: ({ what, when, mine, other }) =>
        mine
          ? `Non sei venuto: ${what}, ${when}. Il tempo che resta è libero per altri.`
          : `${other} non è venuto: ${what}, ${when}.`,
    },
    booking_completed: {
      subject: 'Com’è andata?',
      text: ({ what, when, mine }) =>
        mine ? `${what}, ${when}, è concluso. Ora puoi dire com’è andata.` : `Si è svolto: ${what}, ${when}.`,
    },
    reminder_day: {
      subject: 'Domani',
      text: ({ what, when }) => `Entro un giorno: ${what}, ${when}.`,
    },
    reminder_hour: {
      subject: 'Tra poco',
      text: ({ what, when }) => `Entro un’ora: ${what}, ${when}.`,
    },
    payment_received: {
      subject: 'Pagamento ricevuto',
      text: ({ what, when, amount, mine, other }) =>
        mine
          ? `Abbiamo ricevuto ${amount} per ${what}, ${when}. Grazie.`
          : `${other} ha pagato ${amount} per ${what}, ${when}.`,
    },
    payment_returned: {
      subject: 'Pagamento restituito',
      text: ({ what, when, amount }) =>
        `${amount} non servivano, o sono arrivati tardi, per ${what}, ${when}: te li restituiamo.`,
    },
    refund_made: {
      subject: 'Rimborso',
      text: ({ what, when, amount, mine, other }) =>
        mine
          ? `Ti abbiamo rimborsato ${amount} per ${what}, ${when}.`
          : `Abbiamo rimborsato ${amount} a ${other} per ${what}, ${when}.`,
    },
    refund_failed: {
      subject: 'Un rimborso non è riuscito',
      text: ({ what, when, amount, mine, other }) =>
        mine
          ? `Il rimborso di ${amount} per ${what}, ${when}, non è riuscito: la tua banca lo ha rifiutato. Scrivici.`
          : `Il rimborso di ${amount} per ${what}, ${when}, non è riuscito: la banca di ${other} lo ha rifiutato.`,
    },
    balance_declined: {
      subject: 'Carta rifiutata',
      text: ({ what, when, amount, mine, other }) =>
        mine
          ? `La tua carta è stata rifiutata: restano da pagare ${amount} per ${what}, ${when}.`
          : `La carta di ${other} è stata rifiutata: restano da pagare ${amount} per ${what}, ${when}.`,
    },
    review_received: {
      subject: 'Una recensione',
      text: ({ what, other }) => `${other} ha recensito ${what}.`,
    },
    review_answered: {
      subject: 'Una risposta alla tua recensione',
      text: ({ what }) => `La tua recensione di ${what} ha una risposta.`,
    },
    event_place: {
      subject: 'Hai un posto',
      text: ({ what, when }) => `Si è liberato un posto: ora partecipi a «${what}», ${when}.`,
    },
    event_place_to_pay: {
      subject: 'Un posto è tenuto per te',
      text: ({ what, when, amount, answerBy }) =>
        `Si è liberato un posto: «${what}», ${when}, è tuo se paghi ${amount} entro ${answerBy}.`,
    },
    event_place_lost: {
      subject: 'Il tuo posto è di nuovo libero',
      text: ({ what, when }) =>
        `Il tuo posto a «${what}», ${when}, non è stato pagato in tempo e non è più tuo.`,
    },
    event_changed: {
      subject: 'Un evento è cambiato',
      text: ({ what, when, where, formerly, amount }) =>
        `«${what}» è cambiato: si tiene ${when}${formerly && `, e non ${formerly}`}, ${where}.${amount && ` Un posto costa ora ${amount}.`}`,
    },
    event_cancelled: {
      subject: 'Un evento è annullato',
      text: ({ what, when, where, amount }) =>
        `«${what}» è annullato: ${when}, ${where}.${back(amount, true)}`,
    },
    event_reminder: {
      subject: 'Un evento comincia tra poco',
      text: ({ what, when, where }) => `«${what}» comincia ${when}, ${where}.`,
    },
    event_passed_on: {
      subject: 'Un evento ora è tuo',
      text: ({ what }) => `Chi ha creato «${what}» se n’è andato. Ora è tuo.`,
    },
    points_earned: {
      subject: 'Punti',
      text: ({ what, points, total }) => `Hai guadagnato ${points} punti con ${what}. Ora ne hai ${total}.`,
    },
    tier_reached: {
      subject: 'Un nuovo livello',
      text: ({ tier, discountPercent, extraNoticeDays }) =>
        `Hai raggiunto il livello ${tier}: ${discountPercent}% di sconto su ogni prezzo, e puoi prenotare con ${extraNoticeDays} giorni di anticipo in più.`,
    },
  },
}
