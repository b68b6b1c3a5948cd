import type { Agent, Catalogue } from './catalogue'

const didIt = (by: Exclude<Agent, 'system'>, other: string, participle: string) =>
  ({
    you: `Hai ${participle}`,
    them: `${other} ha ${participle}`,
    operator: `Il nostro team ha ${participle}`,
  })[by]
const refund = (amount: string, isCustomer: boolean) =>
  amount && ` ${isCustomer ? `Ti rimborsiamo ${amount}` : `Al cliente rimborsiamo ${amount}`}.`

export const it: Catalogue = {
  locale: 'it-IT',
  phrases: {
    serviceWith: (service, name) => `${service} con ${name}`,
    serviceFor: (service, name) => `${service} per ${name}`,
    formerUser: 'un ex membro',
    booking: 'la tua prenotazione',
    tiers: { bronze: 'Bronzo', silver: 'Argento', gold: 'Oro' },
    newPassword: {
      subject: 'Reimposta la password',
      text: (link) =>
        `Abbiamo ricevuto una richiesta di reimpostare la password del tuo account. Scegli una nuova password entro un’ora:\n${link}\n\nSe la richiesta non è tua, ignora questa e-mail. La tua password non è cambiata.`,
    },
    hello: (name) => `Ciao ${name},`,
    farewell: 'A presto!',
    settings: (address) => `Scegli quali e-mail ricevere: ${address}`,
  },
  kinds: {
    booking_requested: {
      subject: 'Richiesta di prenotazione',
      text: ({ title, time, isCustomer, answerBy }) =>
        isCustomer
          ? `Hai richiesto ${title}, ${time}. Riceverai una risposta entro ${answerBy}.`
          : `Nuova richiesta: ${title}, ${time}. Accettala o rifiutala entro ${answerBy}.`,
    },
    booking_confirmed: {
      subject: 'Prenotazione confermata',
      text: ({ title, time, isCustomer }) =>
        isCustomer
          ? `La prenotazione è confermata: ${title}, ${time}.`
          : `Nuova prenotazione: ${title}, ${time}.`,
    },
    booking_accepted: {
      subject: 'Richiesta accettata',
      text: ({ title, time, isCustomer }) =>
        `La ${isCustomer ? 'tua ' : ''}richiesta è stata accettata: ${title}, ${time}.`,
    },
    booking_declined: {
      subject: 'Richiesta rifiutata',
      text: ({ title, time, by, other, isCustomer, amount }) =>
        by === 'system'
          ? `La richiesta è scaduta senza risposta: ${title}, ${time}.${refund(amount, isCustomer)}`
          : `${didIt(by, other, 'rifiutato')} la richiesta: ${title}, ${time}.${refund(amount, isCustomer)}`,
    },
    booking_cancelled: {
      subject: 'Prenotazione annullata',
      text: ({ title, time, by, other, isCustomer, amount }) =>
        by === 'system'
          ? `La prenotazione è stata annullata: ${title}, ${time}.${refund(amount, isCustomer)}`
          : `${didIt(by, other, 'annullato')} la prenotazione: ${title}, ${time}.${refund(amount, isCustomer)}`,
    },
    booking_moved: {
      subject: 'Prenotazione modificata',
      text: ({ title, time, previousTime }) =>
        time === previousTime
          ? `La prenotazione è cambiata: ${title}, ${time}.`
          : `La prenotazione è stata spostata: ${title}, ${time} anziché ${previousTime}.`,
    },
    booking_no_show: {
      subject: 'Mancata presentazione',
      text: ({ title, time, isCustomer, other }) =>
        isCustomer
          ? `Hai saltato la prenotazione: ${title}, ${time}. Il tempo restante è di nuovo disponibile.`
          : `Mancata presentazione di ${other}: ${title}, ${time}.`,
    },
    booking_completed: {
      subject: 'Com’è andata?',
      text: ({ title, time, isCustomer }) =>
        isCustomer
          ? `Com’è andata con ${title}, ${time}? Lascia una recensione.`
          : `Prenotazione conclusa: ${title}, ${time}.`,
    },
    reminder_day: {
      subject: 'La tua prossima prenotazione',
      text: ({ title, time }) => `Nelle prossime 24 ore: ${title}, ${time}.`,
    },
    reminder_hour: {
      subject: 'La tua prenotazione inizia tra poco',
      text: ({ title, time }) => `Entro un’ora: ${title}, ${time}.`,
    },
    payment_received: {
      subject: 'Pagamento ricevuto',
      text: ({ title, time, amount, isCustomer, other }) =>
        isCustomer
          ? `Abbiamo ricevuto ${amount} per ${title}, ${time}. Grazie.`
          : `${other} ha pagato ${amount} per ${title}, ${time}.`,
    },
    payment_returned: {
      subject: 'Pagamento restituito',
      text: ({ title, time, amount }) =>
        `Il tuo pagamento di ${amount} per ${title}, ${time}, non era dovuto o è arrivato in ritardo. Te lo rimborsiamo.`,
    },
    refund_made: {
      subject: 'Rimborso effettuato',
      text: ({ title, time, amount, isCustomer, other }) =>
        isCustomer
          ? `Ti abbiamo rimborsato ${amount} per ${title}, ${time}.`
          : `Abbiamo rimborsato ${amount} a ${other} per ${title}, ${time}.`,
    },
    refund_failed: {
      subject: 'Rimborso non riuscito',
      text: ({ title, time, amount, isCustomer, other }) =>
        isCustomer
          ? `La tua banca ha rifiutato il rimborso di ${amount} per ${title}, ${time}. Contattaci.`
          : `La banca di ${other} ha rifiutato il rimborso di ${amount} per ${title}, ${time}.`,
    },
    balance_declined: {
      subject: 'Carta rifiutata',
      text: ({ title, time, amount, isCustomer, other }) =>
        `La ${isCustomer ? 'tua carta' : `carta di ${other}`} è stata rifiutata. Restano da pagare ${amount} per ${title}, ${time}.`,
    },
    review_received: {
      subject: 'Nuova recensione',
      text: ({ title }) => `Hai ricevuto una recensione: ${title}.`,
    },
    review_answered: {
      subject: 'Risposta alla tua recensione',
      text: ({ title }) => `La tua recensione su ${title} ha ricevuto una risposta.`,
    },
    event_place: {
      subject: 'Hai un posto',
      text: ({ title, time }) => `Si è liberato un posto: ora partecipi a «${title}», ${time}.`,
    },
    event_place_to_pay: {
      subject: 'Paga per confermare il tuo posto',
      text: ({ title, time, amount, answerBy }) =>
        `Un posto a «${title}», ${time}, è riservato per te. Paga ${amount} entro ${answerBy} per confermarlo.`,
    },
    event_place_lost: {
      subject: 'Il tuo posto non è più riservato',
      text: ({ title, time }) =>
        `Il tuo posto a «${title}», ${time}, non è stato pagato in tempo ed è di nuovo libero.`,
    },
    event_changed: {
      subject: 'Evento modificato',
      text: ({ title, time, location, previousTime, amount }) =>
        `L’evento «${title}» è cambiato: si tiene ${time}${previousTime && ` anziché ${previousTime}`}, presso ${location}.${amount && ` Un posto ora costa ${amount}.`}`,
    },
    event_cancelled: {
      subject: 'Evento annullato',
      text: ({ title, time, location, amount }) =>
        `L’evento «${title}», ${time}, presso ${location}, è stato annullato.${refund(amount, true)}`,
    },
    event_reminder: {
      subject: 'Il tuo evento inizia tra poco',
      text: ({ title, time, location }) => `«${title}» inizia ${time}, presso ${location}.`,
    },
    event_passed_on: {
      subject: 'Ora organizzi tu un evento',
      text: ({ title }) => `Chi organizzava «${title}» non c’è più. Ora lo organizzi tu.`,
    },
    points_earned: {
      subject: 'Punti guadagnati',
      text: ({ title, points, total }) =>
        `Hai guadagnato ${points} punti per ${title}. Il tuo saldo è di ${total} punti.`,
    },
    tier_reached: {
      subject: 'Nuovo livello raggiunto',
      text: ({ tier, discountPercent, extraNoticeDays }) =>
        `Hai raggiunto il livello ${tier}: ${discountPercent}% di sconto su ogni prezzo e prenotazioni con ${extraNoticeDays} giorni di anticipo in più.`,
    },
  },
}
