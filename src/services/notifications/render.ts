import type { NotificationFacts } from '../../db/schema'
import { catalogues } from '../../i18n'
import type { Catalogue, Doer, Facts, Language } from '../../i18n/catalogue'
import { localMoney } from '../../lib/money'
import { localTimeIn } from '../../lib/time'
import type { KINDS, NotificationKind } from '../../schemas/notifications'

/** What a notification says, but for the language it is said in. The names are those of now. */
export type RenderInput = {
  kind: NotificationKind
  facts: NotificationFacts
  customer: string | null
  specialist: string | null
}

/** A notification in words: a short subject, and a sentence. */
export function renderNotification(
  { kind, ...told }: RenderInput,
  language: Language,
): { subject: string; text: string } {
  const catalogue = catalogues[language]
  // Each kind takes the facts of what it is about; all of them together are more than any kind takes.
  const message: { subject: string; text: (facts: AllFacts) => string } = catalogue.kinds[kind]
  const text = message.text(factsOf(told, catalogue))
  // A name that stands first may be a word for somebody.
  return { subject: message.subject, text: text.charAt(0).toLocaleUpperCase(language) + text.slice(1) }
}

type AllFacts = Facts[(typeof KINDS)[NotificationKind]['about']] &
  Facts['booking'] &
  Facts['money'] &
  Facts['event'] &
  Facts['loyalty']

function factsOf(
  { facts, customer, specialist }: Omit<RenderInput, 'kind'>,
  { locale, phrases }: Catalogue,
): AllFacts {
  const mine = facts.side !== 'specialist'
  const other = (mine ? specialist : customer) ?? phrases.somebody
  const { amountMinor, currency } = facts
  const at = (instant: number | null | undefined) =>
    typeof instant === 'number' ? localTimeIn(instant, facts.timeZone ?? 'UTC', locale) : ''
  return {
    what: whatOf(facts, mine, other, phrases),
    when: at(facts.startsAt),
    formerly: at(facts.formerly),
    answerBy: at(facts.answerBy),
    where: facts.location ?? '',
    by: doerOf(facts),
    amount: typeof amountMinor === 'number' && currency ? localMoney(amountMinor, currency, locale) : '',
    mine,
    other,
    points: facts.points ?? 0,
    total: facts.total ?? 0,
    tier: phrases.tiers[facts.tier ?? 'bronze'],
    discountPercent: facts.discountPercent ?? 0,
    extraNoticeDays: facts.extraNoticeDays ?? 0,
  }
}

function whatOf(
  facts: NotificationFacts,
  mine: boolean,
  other: string,
  phrases: Catalogue['phrases'],
): string {
  if (facts.title) return facts.title
  if (facts.service) return (mine ? phrases.serviceWith : phrases.serviceFor)(facts.service, other)
  return [facts.space ?? phrases.booking, facts.location].filter(Boolean).join(', ')
}

function doerOf({ by, side = 'customer' }: NotificationFacts): Doer {
  if (by === undefined || by === 'clock') return 'nobody'
  if (by === 'operator') return 'operator'
  return by === side ? 'you' : 'them'
}
