/** Clients and APIs that cannot be made, found or changed. */

import { Fault } from './fault.ts'

/** There is no client with this id. */
export class ClientUnknown extends Fault {
  static readonly code = 'client_unknown'
  static readonly status = 404
}

/** There is no API with this audience. */
export class ApiUnknown extends Fault {
  static readonly code = 'api_unknown'
  static readonly status = 404
}

/** There is a client or an API with this name already. */
export class RegistryEntryExists extends Fault {
  static readonly code = 'registry_entry_exists'
  static readonly reasons = { client: 409, api: 409 } as const

  constructor(kind: keyof typeof RegistryEntryExists.reasons, name: string) {
    super({}, { reason: kind, values: { name } })
  }
}

/** The client, the API or what the file declares is no longer as the editor read it. */
export class RegistryEntryChanged extends Fault {
  static readonly code = 'registry_entry_changed'
  static readonly reasons = { client: 409, api: 409, declared: 409 } as const

  constructor(kind: keyof typeof RegistryEntryChanged.reasons, name = '') {
    super({}, { reason: kind, values: { name } })
  }
}

/** The client or the API is declared in grantor.yaml, and only there it is changed. */
export class RegistryEntryElsewhere extends Fault {
  static readonly code = 'registry_entry_elsewhere'
  static readonly reasons = { client: 409, api: 409 } as const

  constructor(kind: keyof typeof RegistryEntryElsewhere.reasons, name: string) {
    super({}, { reason: kind, values: { name } })
  }
}

/** The new settings of a client or an API break rules. `problems` names each in a sentence. */
export class RegistryEntryInvalid extends Fault {
  static readonly code = 'registry_entry_invalid'
  static readonly status = 400

  constructor(problems: readonly string[]) {
    super({}, { problems })
  }
}
