import type { Language } from '../catalogue'
import { en } from './en'
import { fr } from './fr'
import { it } from './it'
import type { BotTexts } from './texts'

export const botTexts: Record<Language, BotTexts> = { en, it, fr }
