import { Component, type ReactNode, useEffect } from 'react'
import { useText } from '../i18n'
import { useOnline } from '../online'
import { Button } from './controls'
import { forgetFailed } from './later'

type BoundaryProps = { children: ReactNode }

/**
 * Keeps the rest of the app if a page crashes or cannot be loaded. Offline, it retries on reconnect; online, it reloads
 * the app, because a newer version may have replaced the file.
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
