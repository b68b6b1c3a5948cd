import type { ReactNode } from 'react'
import { useText } from '../../i18n'
import { PATHS } from '../../paths'
import { Only } from '../../ui/states'
import { Tabs } from '../../ui/tabs'
import { useTitle } from '../../ui/title'

/** Tabs and sign-in check of the user's own pages. */
export function MinePage({ title, children }: { title: string; children: ReactNode }) {
  const { t } = useText()
  useTitle(title)
  return (
    <>
      {/* Receives the focus when the focused list item disappears. */}
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
