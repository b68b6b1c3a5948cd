import { createContext, type ReactNode, useContext, useMemo, useState } from 'react'
import type { Messages } from './messages/en'

export const LANGUAGES = { en: 'English', it: 'Italiano', fr: 'Français' } as const
export type Language = keyof typeof LANGUAGES

const catalogues: Record<Language, () => Promise<{ messages: Messages }>> = {
  en: () => import('./messages/en'),
  it: () => import('./messages/it'),
  fr: () => import('./messages/fr'),
}

const KEPT_AS = 'coworkspace-language'
const isLanguage = (text: string | null | undefined): text is Language =>
  text !== null && text !== undefined && Object.hasOwn(LANGUAGES, text)

/** Whether the user has chosen a language in this browser. */
export const isLanguageChosen = (): boolean => isLanguage(localStorage.getItem(KEPT_AS))

export const keepLanguage = (language: Language): void => localStorage.setItem(KEPT_AS, language)

/** The chosen language, or the first of the browser's languages that has a catalogue. */
export function preferredLanguage(): Language {
  const kept = localStorage.getItem(KEPT_AS)
  if (isLanguage(kept)) return kept
  return navigator.languages.map((name) => name.slice(0, 2)).find(isLanguage) ?? 'en'
}

type Text = { t: Messages; language: Language; setLanguage(language: Language): Promise<void> }
const TextContext = createContext<Text | undefined>(undefined)

export function useText(): Text {
  const text = useContext(TextContext)
  if (!text) throw new Error('useText requires a TextProvider')
  return text
}

export async function loadMessages(language: Language): Promise<Messages> {
  const { messages } = await catalogues[language]()
  document.documentElement.lang = language
  return messages
}

type Shown = { language: Language; t: Messages }

export function TextProvider({ first, children }: { first: Shown; children: ReactNode }) {
  const [shown, setShown] = useState(first)
  const text = useMemo(
    () => ({
      ...shown,
      async setLanguage(language: Language) {
        keepLanguage(language)
        setShown({ language, t: await loadMessages(language) })
      },
    }),
    [shown],
  )
  return <TextContext value={text}>{children}</TextContext>
}
