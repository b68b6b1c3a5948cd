/** How long is waited for a page to be as long as it was when it was left. */
const PATIENCE_MS = 3000

/** How far down each entry of the history was left, by the number that it is given here. */
const places = new Map<number, number>()
let last = 0
let entry = 0
let path = location.pathname
/** Where the page that is come back to was left; until it is there again. */
let wanted: number | undefined

const numberOf = (state: unknown): number | undefined =>
  typeof state === 'object' && state !== null && 'entry' in state && typeof state.entry === 'number'
    ? state.entry
    : undefined

/** Past what Wouter hears: it is no move. */
const mark = () => History.prototype.replaceState.call(history, { entry }, '')

/** Remembers how far down each page was left. */
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
  // Whoever moves the page himself is not led elsewhere.
  for (const event of ['wheel', 'touchstart', 'keydown'])
    window.addEventListener(event, () => (wanted = undefined), { passive: true })
}

/** The top of a page that is new, or where it was left by whoever comes back to it, as soon as it is that long again. */
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
