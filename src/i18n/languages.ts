/** The languages that pages can be shown in. The first is the one for readers of any other. */

import { english } from './en/english.ts'
import type { Language } from './language.ts'

export const LANGUAGES: readonly [Language, ...Language[]] = [english]
