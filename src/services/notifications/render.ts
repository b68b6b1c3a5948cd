import type { NotificationFacts } from '../../db/schema'
import { catalogues } from '../../i18n'
import type { Agent, Catalogue, Facts, Language } from '../../i18n/catalogue'
import { localMoney } from '../../lib/money'
import { localTimeIn } from '../../lib/time'
import type { KINDS, NotificationKind } from '../../schemas/notifications'

/** The names are read when the notification is rendered, so that they disappear with their accounts. */
export type RenderInput = {
  kind: NotificationKind
  facts: NotificationFacts
  customer: string | null
  specialist: string | null
}

/** Renders a notification as a subject line and a text in a language. */
export function renderNotification(
  { kind, ...input }: RenderInput,
  language: Language,
): { subject: string; text: string } {
  const catalogue = catalogues[language]
  // Widened: the facts of all subjects together satisfy the text of any kind.
  const message: { subject: string; text: (facts: AllFacts) => string } = catalogue.kinds[kind]
  const text = message.text(factsOf(input, catalogue))
  // The text may begin with `phrases.formerUser`, which is in lower case.
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
  const isCustomer = facts.side !== 'specialist'
  const other = (isCustomer ? specialist : customer) ?? phrases.formerUser
  const { amountMinor, currency } = facts
  const at = (instant: number | null | undefined) =>
    typeof instant === 'number' ? localTimeIn(instant, facts.timeZone ?? 'UTC', locale) : ''
  return {
    title: titleOf(facts, isCustomer, other, phrases),
    time: at(facts.startsAt),
    previousTime: at(facts.formerly),
    answerBy: at(facts.answerBy),
    location: facts.location ?? '',
    by: agentOf(facts),
    amount: typeof amountMinor === 'number' && currency ? localMoney(amountMinor, currency, locale) : '',
    isCustomer,
    other,
    points: facts.points ?? 0,
    total: facts.total ?? 0,
    tier: phrases.tiers[facts.tier ?? 'bronze'],
    discountPercent: facts.discountPercent ?? 0,
    extraNoticeDays: facts.extraNoticeDays ?? 0,
  }
}

function titleOf(
  facts: NotificationFacts,
  isCustomer: boolean,
  other: string,
  phrases: Catalogue['phrases'],
): string {
  if (facts.title) return facts.title
  if (facts.service) return (isCustomer ? phrases.serviceWith : phrases.serviceFor)(facts.service, other)
  return [facts.space ?? phrases.booking, facts.location].filter(Boolean).join(', ')
}

function agentOf({ by, side = 'customer' }: NotificationFacts): Agent {
  if (by === undefined || by === 'clock') return 'system'
  if (by === 'operator') return 'operator'
  return by === side ? 'you' : 'them'
}
