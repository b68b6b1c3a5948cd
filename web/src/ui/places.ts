/** How long to wait for a page to reach its former height. */
const PATIENCE_MS = 3000

/** Scroll position of each history entry. */
const places = new Map<number, number>()
let last = 0
let entry = 0
let path = location.pathname
/** Scroll position to restore; undefined once reached. */
let wanted: number | undefined

const numberOf = (state: unknown): number | undefined =>
  typeof state === 'object' && state !== null && 'entry' in state && typeof state.entry === 'number'
    ? state.entry
    : undefined

/** Bypasses the function that Wouter patches, which would report a navigation. */
const mark = () => History.prototype.replaceState.call(history, { entry }, '')

/** Stores the scroll position of every history entry. */
export function keepPlaces(): void {
  entry = last = numberOf(history.state) ?? 0
  mark()
  window.addEventListener('pushState', () => {
    entry = ++last
    path = location.pathname
    wanted = undefined
    mark()
  })
  window.addEventListener('replaceState', () => {
    path = location.pathname
    mark()
  })
  window.addEventListener('popstate', ({ state }) => {
    entry = numberOf(state) ?? 0
    last = Math.max(last, entry)
    wanted = path === location.pathname ? undefined : places.get(entry)
    path = location.pathname
  })
  window.addEventListener('scroll', () => wanted === undefined && places.set(entry, window.scrollY), {
    passive: true,
  })
  // The user's own scrolling cancels the restore.
  for (const event of ['wheel', 'touchstart', 'keydown'])
    window.addEventListener(event, () => (wanted = undefined), { passive: true })
}

/** Scrolls to the top of a new page, or restores the position of an earlier one as soon as the page is long enough. */
export function showPlace(): void {
  const place = wanted
  if (place === undefined) {
    window.scrollTo(0, 0)
    return
  }
  const end = performance.now() + PATIENCE_MS
  const step = () => {
    if (wanted !== place) return
    window.scrollTo(0, place)
    if (Math.abs(window.scrollY - place) < 2 || performance.now() > end) wanted = undefined
    else requestAnimationFrame(step)
  }
  step()
}
