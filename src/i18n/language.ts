/** What the files of a language hold: a sentence for every fault, and the texts of every page. */

import type * as accounts from '../faults/accounts.ts'
import type * as feed from '../faults/feed.ts'
import type * as keyring from '../faults/keyring.ts'
import type * as registry from '../faults/registry.ts'
import type * as requests from '../faults/requests.ts'
import type * as signIn from '../faults/sign-in.ts'
import type * as start from '../faults/start.ts'
import type * as store from '../faults/store.ts'
import type { pages } from './en/pages.ts'

export interface Language {
  /** BCP 47, as `lang` of a page has it. */
  readonly tag: string
  readonly direction: 'ltr' | 'rtl'
  readonly faults: FaultTexts
  readonly pages: PageTexts
}

type Domains = typeof accounts &
  typeof feed &
  typeof keyring &
  typeof registry &
  typeof requests &
  typeof signIn &
  typeof start &
  typeof store

type KeyOf<Kind> = Kind extends { readonly code: infer Code extends string; readonly reasons: infer Reasons }
  ? `${Code}.${keyof Reasons & string}`
  : Kind extends { readonly code: infer Code extends string }
    ? Code
    : never

/** `code`, or `code.reason` where the class of the fault has reasons. */
export type FaultKey = KeyOf<Domains[keyof Domains]>

/** `server_error` is for defects of the server. `{name}` stands for a value of the fault. */
export type FaultTexts = Readonly<Record<FaultKey | 'server_error', string>>

type Texts<Tree> = { readonly [Key in keyof Tree]: Tree[Key] extends string ? string : Texts<Tree[Key]> }

/** By page, what English has. */
export type PageTexts = Texts<typeof pages>
