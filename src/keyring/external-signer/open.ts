/** The signer that the configuration names. An adapter for a key service takes its place here. */

import type { Log } from '../../audit/log.ts'
import type { Config } from '../../config/config.ts'
import { type BoundSigner, boundSigner } from './external-signer.ts'
import { socketSigner } from './socket.ts'

/** `undefined` where this server holds its keys itself. Connects when it is first needed. */
export function openSigner({ signer }: Pick<Config, 'signer'>, log: Log): BoundSigner | undefined {
  return signer && boundSigner(socketSigner(signer.socket), { ...signer, log })
}
