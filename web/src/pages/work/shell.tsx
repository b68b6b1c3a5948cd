import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { trpc, useMe } from '../../api'
import { useText } from '../../i18n'
import { PATHS } from '../../paths'
import { Loaded, Only } from '../../ui/states'
import { Tabs } from '../../ui/tabs'
import { useTitle } from '../../ui/title'
import type { Specialist } from '../specialists'
import { NewProfile } from './new-profile'

type WorkPageProps = { title: string; children: (me: Specialist) => ReactNode }

/** Tabs and role check of the specialist's pages. Requires a profile first. */
export function WorkPage({ title, children }: WorkPageProps) {
  const { t } = useText()
  useTitle(title)
  return (
    <>
      <h1>{title}</h1>
      <Only specialist>
        <Tabs
          label={t.work.title}
          tabs={[
            [PATHS.work, t.work.calendar],
            [PATHS.workProfile, t.work.profile],
            [PATHS.workServices, t.operator.services],
            [PATHS.workReviews, t.work.reviews],
          ]}
        />
        <Own>{children}</Own>
      </Only>
    </>
  )
}

function Own({ children }: Pick<WorkPageProps, 'children'>) {
  const me = useMe()
  const own = useQuery(
    trpc.specialists.list.queryOptions({ userId: me?.id ?? '', limit: 1 }, { enabled: !!me }),
  )
  return (
    <Loaded query={own}>
      {({ items: [specialist] }) => (specialist ? children(specialist) : <NewProfile />)}
    </Loaded>
  )
}
