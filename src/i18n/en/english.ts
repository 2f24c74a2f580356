/** English, the language of programs and operators, and of pages until there is another. */

import type { Language } from '../language.ts'
import { faults } from './faults.ts'
import { pages } from './pages.ts'

export const english: Language = { tag: 'en', direction: 'ltr', faults, pages }
