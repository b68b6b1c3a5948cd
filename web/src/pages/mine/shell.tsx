import type { ReactNode } from 'react'
import { useText } from '../../i18n'
import { PATHS } from '../../paths'
import { Only } from '../../ui/states'
import { Tabs } from '../../ui/tabs'
import { useTitle } from '../../ui/title'

/** What every page of one's own things has: its tabs, and the way in for who is not signed in. */
export function MinePage({ title, children }: { title: string; children: ReactNode }) {
  const { t } = useText()
  useTitle(title)
  return (
    <>
      {/* Where the focus goes when what had it is gone from the list. */}
      <h1 tabIndex={-1}>{title}</h1>
      <Only>
        <Tabs
          label={t.mine.title}
          tabs={[
            [PATHS.bookings, t.operator.bookings],
            [PATHS.payments, t.mine.payments],
            [PATHS.points, t.mine.points],
            [PATHS.notifications, t.notifications.title],
          ]}
        />
        {children}
      </Only>
    </>
  )
}
