import { Component, type ReactNode } from 'react'
import { useText } from '../i18n'
import { Button } from './controls'

type BoundaryProps = { children: ReactNode }

/** Where a page breaks, or cannot be fetched since there is a newer one, the rest stays and the page can be loaded again. */
export class Boundary extends Component<BoundaryProps, { isBroken: boolean }> {
  override state = { isBroken: false }

  static getDerivedStateFromError() {
    return { isBroken: true }
  }

  override render() {
    return this.state.isBroken ? <Broken /> : this.props.children
  }
}

function Broken() {
  const { t } = useText()
  return (
    <div className="state card" role="alert">
      <h1>{t.state.failed}</h1>
      <p className="soft">{t.state.unexpected}</p>
      <Button onClick={() => location.reload()}>{t.state.retry}</Button>
    </div>
  )
}
