import type { ReactNode } from 'react'
import { useText } from '../i18n'

type Somebody = { id: string; person: { name: string } | null }
type PeopleProps<T> = { people: T[]; children: (somebody: T) => ReactNode }

/** Users as cards; a user without a visible name is anonymous. */
export function People<T extends Somebody>({ people, children }: PeopleProps<T>) {
  const { t } = useText()
  return (
    <ul className="row">
      {people.map((somebody) => (
        <li key={somebody.id} className="card person">
          <p className="strong">{somebody.person?.name ?? t.community.unnamed}</p>
          <p className="soft">{children(somebody)}</p>
        </li>
      ))}
    </ul>
  )
}
