import { Link, useLocation } from 'wouter'

type TabsProps = {
  label: string
  tabs: readonly (readonly [to: string, text: string])[]
}

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
