import { Component, type ReactNode, useEffect } from 'react'
import { useText } from '../i18n'
import { useOnline } from '../online'
import { Button } from './controls'
import { forgetFailed } from './later'

type BoundaryProps = { children: ReactNode }

/**
 * Where a page breaks, or cannot be fetched, the rest stays. Who has no network is shown it as soon as there is one again;
 * else the app is loaded anew, since there may be a newer one.
 */
export class Boundary extends Component<BoundaryProps, { isBroken: boolean }> {
  override state = { isBroken: false }

  static getDerivedStateFromError() {
    return { isBroken: true }
  }

  override componentDidCatch() {
    forgetFailed()
  }

  private tryAgain = () => this.setState({ isBroken: false })

  override render() {
    return this.state.isBroken ? <Broken onRetry={this.tryAgain} /> : this.props.children
  }
}

function Broken({ onRetry }: { onRetry(): void }) {
  const { t } = useText()
  const online = useOnline()
  useEffect(() => {
    window.addEventListener('online', onRetry)
    return () => window.removeEventListener('online', onRetry)
  }, [onRetry])
  return (
    <div className="state card" role="alert">
      <h1>{t.state.failed}</h1>
      <p className="soft">{online ? t.state.unexpected : t.state.notFetched}</p>
      <Button onClick={() => (online ? location.reload() : onRetry())}>{t.state.retry}</Button>
    </div>
  )
}
