import type { ReactNode } from 'react'
import { useText } from '../../i18n'
import { PATHS } from '../../paths'
import { Only } from '../../ui/states'
import { Tabs } from '../../ui/tabs'
import { useTitle } from '../../ui/title'

/** What every page of operators has: its tabs, and the answer to whoever is none. */
export function OperatorPage({ title, children }: { title: string; children: ReactNode }) {
  const { t } = useText()
  useTitle(title)
  const tabs = [
    [PATHS.live, t.operator.live],
    [PATHS.operatorBookings, t.operator.bookings],
    [PATHS.operatorPayments, t.operator.payments.title],
    [PATHS.operatorInbox, t.operator.inbox.title],
    [PATHS.operatorSpaces, t.operator.spaces],
    [PATHS.operatorLocations, t.operator.locations],
    [PATHS.operatorClosures, t.operator.closures],
    [PATHS.operatorPeople, t.operator.people],
  ] as const
  return (
    <>
      <h1>{title}</h1>
      <Only admin>
        <Tabs label={t.operator.title} tabs={tabs} />
        {children}
      </Only>
    </>
  )
}
