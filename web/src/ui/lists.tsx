import type { ReactNode } from 'react'
import { useText } from '../i18n'
import { Button } from './controls'
import type { usePages } from './pages'
import { Empty, Loaded } from './states'

type ListProps<T> = {
  items: T[]
  /** Text of an empty list. */
  empty: string
  children: (item: T) => ReactNode
}

export function List<T extends { id: string }>({ items, empty, children }: ListProps<T>) {
  if (items.length === 0) return <Empty title={empty} />
  return (
    <ul className="list">
      {items.map((item) => (
        <li key={item.id}>{children(item)}</li>
      ))}
    </ul>
  )
}

type PagedListProps<T> = Omit<ListProps<T>, 'items'> & { query: ReturnType<typeof usePages<T>> }

/** A list with a button for the next page. */
export function PagedList<T extends { id: string }>({ query, empty, children }: PagedListProps<T>) {
  return (
    <Loaded query={query}>
      {(items) => (
        <>
          <List items={items} empty={empty}>
            {children}
          </List>
          <ShowMore query={query} />
        </>
      )}
    </Loaded>
  )
}

type Pages = Pick<ReturnType<typeof usePages>, 'hasMore' | 'showMore' | 'isBusy'>

export function ShowMore({ query }: { query: Pages }) {
  const { t } = useText()
  if (!query.hasMore) return null
  return (
    <Button onClick={query.showMore} disabled={query.isBusy}>
      {t.state.more}
    </Button>
  )
}

type EntryProps = { title: ReactNode; children?: ReactNode; actions?: ReactNode; className?: string }

export function Entry({ title, children, actions, className = '' }: EntryProps) {
  return (
    <article className={`card row spread ${className}`}>
      <div className="grow">
        <h2>{title}</h2>
        {children}
      </div>
      {actions && <div className="actions">{actions}</div>}
    </article>
  )
}
