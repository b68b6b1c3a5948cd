export const THEMES = ['auto', 'light', 'dark'] as const
type Theme = (typeof THEMES)[number]

const KEPT_AS = 'coworkspace-theme'

export const keptTheme = (): Theme =>
  THEMES.find((theme) => theme === localStorage.getItem(KEPT_AS)) ?? 'auto'

/** `auto` follows the device. */
export function applyTheme(theme: Theme): void {
  localStorage.setItem(KEPT_AS, theme)
  document.documentElement.dataset.theme = theme
}
