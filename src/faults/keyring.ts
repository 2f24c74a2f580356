/** Keys that are missing, in use, or held by a process that does not answer. */

import { Fault, type FaultOptions } from './fault.ts'

/** The process, key service or module that holds the signing keys did not answer: nothing may be issued. */
export class SignerUnavailable extends Fault {
  readonly code = 'signer_unavailable'
  readonly status = 503
  readonly retryAfterSeconds = 2

  constructor(options: FaultOptions = {}) {
    super('The service is temporarily unavailable. Please try again in a moment.', options)
  }
}

/** The stored ring was sealed under another root key. */
export class RootKeyWrong extends Fault {
  readonly code = 'root_key_wrong'
  readonly status = 503

  constructor(options: FaultOptions = {}) {
    super(
      'The canary in the store was sealed under another root key: give this node the root key of the others (GRANTOR_ROOT_KEY), or point it at another store.',
      options,
    )
  }
}

/** The ring has no key of this name. */
export class KeyUnknown extends Fault {
  readonly code = 'key_unknown'
  readonly status = 404

  constructor() {
    super('The ring has no key with this kid: `grantor keys list` shows those it has.')
  }
}

/** The key signs; a key is retired by rotating it, so that another signs before it goes. */
export class KeyInUse extends Fault {
  readonly code = 'key_in_use'
  readonly status = 409

  constructor() {
    super('This key signs: rotate it (`grantor keys rotate`), or if somebody else may hold it, `--compromised`.')
  }
}

/** Something sealed does not open: it was altered, moved to another place, or sealed under another key. */
export class SealBroken extends Fault {
  readonly code = 'seal_broken'
  readonly status = 500

  constructor(options: FaultOptions = {}) {
    super('A stored value could not be opened.', options)
  }
}
