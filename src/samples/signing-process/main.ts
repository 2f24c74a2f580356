/**
 * `node src/samples/signing-process/main.ts`: holds signing keys for an authorization server on this machine.
 *
 * SOCKET is where it listens (./signer.sock unless set), KEYS_FILE where it keeps its keys; without one they are kept in
 * memory and gone when it stops.
 */

import { openKeys } from './keys.ts'
import { serveKeys } from './serve.ts'

const socket = process.env.SOCKET ?? 'signer.sock'
const file = process.env.KEYS_FILE

const keys = await openKeys(file)
const serving = await serveKeys(keys, socket)
console.log(`Signing on ${socket}, with ${keys.size()} keys ${file === undefined ? 'in memory' : `in ${file}`}.`)
const stop = () => void serving.close()
process.once('SIGINT', stop).once('SIGTERM', stop)
