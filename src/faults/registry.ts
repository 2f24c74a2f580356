/** Clients and APIs that cannot be made, found or changed. */

import { Fault } from './fault.ts'

/** There is no client with this id. */
export class ClientUnknown extends Fault {
  readonly code = 'client_unknown'
  readonly status = 404

  constructor() {
    super('There is no such client.')
  }
}

/** There is no API with this audience. */
export class ApiUnknown extends Fault {
  readonly code = 'api_unknown'
  readonly status = 404

  constructor() {
    super('There is no such API.')
  }
}

/** There is a client or an API with this name already. */
export class RegistryEntryExists extends Fault {
  readonly code = 'registry_entry_exists'
  readonly status = 409

  constructor(name: string) {
    super(`There is ${name} already.`)
  }
}

/** The client or the API is no longer the one that the editor read. */
export class RegistryEntryChanged extends Fault {
  readonly code = 'registry_entry_changed'
  readonly status = 409

  constructor(name: string) {
    super(`Another editor has changed ${name} meanwhile; read it again and repeat the change.`)
  }
}

/** The client or the API is declared elsewhere, and only there it is changed. */
export class RegistryEntryElsewhere extends Fault {
  readonly code = 'registry_entry_elsewhere'
  readonly status = 409

  constructor(name: string, where: string) {
    super(`${name} is declared ${where}, so it is changed there.`)
  }
}

/** What a client or an API would be breaks rules. `problems` says which, a sentence each. */
export class RegistryEntryInvalid extends Fault {
  readonly code = 'registry_entry_invalid'
  readonly status = 400
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}
