import type { Catalogue, Language } from './catalogue'
import { en } from './en'
import { fr } from './fr'
import { it } from './it'

export const catalogues: Record<Language, Catalogue> = { en, it, fr }
