/** Keys that are missing, in use, or held by a process that does not answer. */

import { Fault } from './fault.ts'

/** The process, key service or module that holds the signing keys did not answer: nothing may be issued. */
export class SignerUnavailable extends Fault {
  static readonly code = 'signer_unavailable'
  static readonly status = 503
  readonly retryAfterSeconds = 2
}

/** The stored ring was sealed under another root key. */
export class RootKeyWrong extends Fault {
  static readonly code = 'root_key_wrong'
  static readonly status = 503
}

/** The ring has no key of this name. */
export class KeyUnknown extends Fault {
  static readonly code = 'key_unknown'
  static readonly status = 404
}

/** The key signs; a key is retired by rotating it, so that another signs before it goes. */
export class KeyInUse extends Fault {
  static readonly code = 'key_in_use'
  static readonly status = 409
}

/** Something sealed does not open: it was altered, moved to another place, or sealed under another key. */
export class SealBroken extends Fault {
  static readonly code = 'seal_broken'
  static readonly status = 500
}
