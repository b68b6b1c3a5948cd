import { keptTheme } from '../theme'

type Colour = readonly [red: number, green: number, blue: number]
/** The parts of Telegram's theme that are used, each as `#rrggbb`. */
type ThemeParams = Partial<
  Record<'bg_color' | 'secondary_bg_color' | 'text_color' | 'hint_color' | 'button_color', string>
>

const BLACK: Colour = [0, 0, 0]
const WHITE: Colour = [255, 255, 255]
/** Slightly above the minimum contrast of small text (WCAG 2.2, 1.4.3). */
const READABLE = 4.6

/** The theme from the launch data; empty if malformed. */
export function themeOf(text: string | null): ThemeParams {
  try {
    const params: unknown = JSON.parse(text ?? '{}')
    return typeof params === 'object' && params !== null ? params : {}
  } catch {
    return {}
  }
}

/** Applies Telegram's colours unless the user chose a theme, and adjusts them until text is readable. */
export function followTheme(params: ThemeParams): void {
  const [surface, text] = [colourOf(params.bg_color), colourOf(params.text_color)]
  if (keptTheme() !== 'auto' || !surface || !text) return
  const isDark = luminance(surface) < luminance(text)
  document.documentElement.dataset.theme = isDark ? 'dark' : 'light'
  const ground = colourOf(params.secondary_bg_color) ?? surface
  const away = isDark ? WHITE : BLACK
  const set = (name: string, colour: Colour) =>
    document.documentElement.style.setProperty(`--${name}`, `rgb(${colour.join(' ')})`)
  set('surface', surface)
  set('ground', ground)
  set('text', readable(readable(text, surface, away), ground, away))
  const hint = colourOf(params.hint_color)
  if (hint) set('soft', readable(readable(hint, surface, away), ground, away))
  const button = colourOf(params.button_color)
  if (!button) return
  const brand = readable(readable(button, surface, away), ground, away)
  set('brand', brand)
  set('on-brand', contrast(WHITE, brand) > READABLE ? WHITE : BLACK)
}

function colourOf(text: unknown): Colour | undefined {
  const [, red, green, blue] = /^#(..)(..)(..)$/.exec(typeof text === 'string' ? text : '') ?? []
  if (!red || !green || !blue) return undefined
  const parts = [red, green, blue].map((part) => Number.parseInt(part, 16))
  const [r = Number.NaN, g = Number.NaN, b = Number.NaN] = parts
  return parts.some(Number.isNaN) ? undefined : [r, g, b]
}

/** Shifts a colour towards another until it is readable on `on`. */
function readable(colour: Colour, on: Colour, towards: Colour): Colour {
  for (let share = 0; share < 1; share += 0.05) {
    const mixed = mix(colour, towards, share)
    if (contrast(mixed, on) >= READABLE) return mixed
  }
  return towards
}

const mix = ([r1, g1, b1]: Colour, [r2, g2, b2]: Colour, share: number): Colour => [
  Math.round(r1 + (r2 - r1) * share),
  Math.round(g1 + (g2 - g1) * share),
  Math.round(b1 + (b2 - b1) * share),
]

/** Relative luminance as defined by WCAG 2.2. */
function luminance([red, green, blue]: Colour): number {
  const linear = (part: number) => {
    const value = part / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

function contrast(one: Colour, other: Colour): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}
