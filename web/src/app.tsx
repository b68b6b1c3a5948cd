import { type ComponentType, Suspense, useEffect, useRef } from 'react'
import { Link, Route, Switch, useLocation } from 'wouter'
import { signOut, useMe, useSignedIn, useUserId } from './api'
import { useText } from './i18n'
import { Bell } from './notifications/bell'
import { useNews } from './notifications/use-news'
import { useOnline } from './online'
import { PATHS, type Path } from './paths'
import { Boundary } from './ui/boundary'
import { Button } from './ui/controls'
import { later } from './ui/later'
import { showPlace } from './ui/places'
import { Empty, Loading } from './ui/states'

const imports = {
  [PATHS.home]: () => import('./pages/home'),
  [PATHS.signIn]: () => import('./pages/sign-in'),
  [PATHS.register]: () => import('./pages/sign-in'),
  [PATHS.forgotPassword]: () => import('./pages/forgot-password'),
  [PATHS.newPassword]: () => import('./pages/new-password'),
  [PATHS.space]: () => import('./pages/space'),
  [PATHS.specialists]: () => import('./pages/specialists'),
  [PATHS.specialist]: () => import('./pages/specialist'),
  [PATHS.bookings]: () => import('./pages/mine/bookings'),
  [PATHS.move]: () => import('./pages/mine/move'),
  [PATHS.payments]: () => import('./pages/mine/payments'),
  [PATHS.points]: () => import('./pages/mine/points'),
  [PATHS.notifications]: () => import('./pages/mine/notifications'),
  [PATHS.work]: () => import('./pages/work/calendar'),
  [PATHS.workProfile]: () => import('./pages/work/profile'),
  [PATHS.workServices]: () => import('./pages/work/services'),
  [PATHS.workReviews]: () => import('./pages/work/reviews'),
  [PATHS.community]: () => import('./pages/community'),
  [PATHS.event]: () => import('./pages/event'),
  [PATHS.checkIn]: () => import('./pages/check-in'),
  [PATHS.doorScreen]: () => import('./pages/door-screen'),
  [PATHS.account]: () => import('./pages/account'),
  [PATHS.live]: () => import('./pages/operator/live'),
  [PATHS.operatorSpaces]: () => import('./pages/operator/spaces'),
  [PATHS.operatorLocations]: () => import('./pages/operator/locations'),
  [PATHS.operatorClosures]: () => import('./pages/operator/closures'),
  [PATHS.operatorPeople]: () => import('./pages/operator/people'),
  [PATHS.operatorBookings]: () => import('./pages/operator/bookings'),
  [PATHS.operatorPayments]: () => import('./pages/operator/payments'),
  [PATHS.operatorInbox]: () => import('./pages/operator/inbox'),
  [PATHS.operatorSpecialists]: () => import('./pages/operator/specialists'),
  [PATHS.operatorReviews]: () => import('./pages/operator/reviews'),
  [PATHS.operatorDoor]: () => import('./pages/operator/door'),
  [PATHS.operatorAnalytics]: () => import('./pages/operator/analytics'),
} satisfies Record<Path, () => Promise<{ default: ComponentType }>>

const pages = Object.entries(imports).map(([path, load]) => ({ path, load, page: later(load) }))

/** Starts loading the page of an address before the app renders. */
export function preloadPage(address: string): void {
  const isAt = (path: string) => new RegExp(`^${path.replace(':id', '[^/]+')}$`).test(address)
  pages
    .find(({ path }) => isAt(path))
    ?.load()
    .catch(() => undefined)
}

const OFTEN = [PATHS.space, PATHS.signIn, PATHS.bookings, PATHS.specialists, PATHS.community]

/** Loads the pages that users visit most while the browser is idle. */
export function preloadOften(): void {
  const load = () => {
    for (const path of OFTEN) imports[path]().catch(() => undefined)
  }
  // Safari has no requestIdleCallback.
  if ('requestIdleCallback' in window) requestIdleCallback(load, { timeout: 5000 })
  else setTimeout(load, 2000)
}

/** Remounts everything when another user signs in, in this tab or another. */
export function App() {
  return <AppOfPerson key={useUserId() ?? 'nobody'} />
}

function AppOfPerson() {
  const { t } = useText()
  const online = useOnline()
  useNews()
  const [path] = useLocation()
  return (
    <>
      <a className="skip" href="#content">
        {t.app.skip}
      </a>
      {/* A door screen has no navigation. */}
      {path !== PATHS.doorScreen && <Header />}
      {!online && (
        <p className="banner" role="status">
          {t.state.offline}
        </p>
      )}
      <main id="content" tabIndex={-1}>
        <FocusOnMove />
        <Boundary key={path}>
          <Suspense fallback={<Loading />}>
            <Switch>
              {pages.map(({ path, page }) => (
                <Route key={path} path={path} component={page} />
              ))}
              <Route>
                <Empty isPage title={t.state.notFound} text={t.state.notFoundText} />
              </Route>
            </Switch>
          </Suspense>
        </Boundary>
      </main>
    </>
  )
}

function Header() {
  const { t } = useText()
  const signedIn = useSignedIn()
  const me = useMe()
  const [path, navigate] = useLocation()
  const menu = useRef<HTMLElement>(null)
  // On a phone the menu is wider than the screen: scroll the current page into view.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path and the user decide which links the menu shows
  useEffect(() => {
    menu.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
  }, [path, me?.role, signedIn])
  async function leave() {
    await signOut()
    navigate(PATHS.home)
  }
  return (
    <header>
      <Link href={PATHS.home} className="brand">
        <span aria-hidden="true" className="mark" />
        {t.app.name}
      </Link>
      <nav aria-label={t.app.menu} ref={menu} className="fades">
        <NavLink to={PATHS.home} text={t.app.find} isHere={path === '/' || path.startsWith('/spaces')} />
        <NavLink
          to={PATHS.specialists}
          text={t.specialists.title}
          isHere={path.startsWith(PATHS.specialists)}
        />
        {signedIn && (
          <NavLink
            to={PATHS.bookings}
            text={t.app.bookings}
            isHere={path.startsWith(PATHS.bookings) || path === PATHS.payments || path === PATHS.points}
          />
        )}
        {me?.role === 'specialist' && (
          <NavLink to={PATHS.work} text={t.work.title} isHere={path.startsWith(PATHS.work)} />
        )}
        <NavLink
          to={PATHS.community}
          text={t.community.title}
          isHere={path === PATHS.community || path === PATHS.checkIn || path.startsWith('/events/')}
        />
        {me?.role === 'admin' && (
          <NavLink to={PATHS.live} text={t.app.operate} isHere={path.startsWith(PATHS.live)} />
        )}
        {signedIn && <NavLink to={PATHS.account} text={t.app.account} isHere={path === PATHS.account} />}
      </nav>
      {signedIn && <Bell isHere={path === PATHS.notifications} />}
      {signedIn ? (
        <Button look="quiet" onClick={leave}>
          {t.app.signOut}
        </Button>
      ) : (
        <Link className="button main" href={PATHS.signIn}>
          {t.app.signIn}
        </Link>
      )}
    </header>
  )
}

function NavLink({ to, text, isHere }: { to: string; text: string; isHere: boolean }) {
  return (
    <Link href={to} aria-current={isHere ? 'page' : undefined}>
      {text}
    </Link>
  )
}

/** Moves the focus to the top of the page after navigation, as a full page load does. */
function FocusOnMove() {
  const [path] = useLocation()
  const isFirst = useRef(true)
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs on navigation
  useEffect(() => {
    showPlace()
    if (!isFirst.current) document.getElementById('content')?.focus({ preventScroll: true })
    isFirst.current = false
  }, [path])
  return null
}
