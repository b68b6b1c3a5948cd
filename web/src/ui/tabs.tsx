import { Link, useLocation } from 'wouter'

type TabsProps = {
  label: string
  /** An address, and what it is called. */
  tabs: readonly (readonly [to: string, text: string])[]
}

/** The pages that belong together. */
export function Tabs({ label, tabs }: TabsProps) {
  const [path] = useLocation()
  return (
    <nav aria-label={label} className="tabs">
      {tabs.map(([to, text]) => (
        <Link key={to} href={to} aria-current={path === to ? 'page' : undefined}>
          {text}
        </Link>
      ))}
    </nav>
  )
}
