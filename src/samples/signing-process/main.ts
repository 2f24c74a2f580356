/**
 * `node src/samples/signing-process/main.ts`: holds signing keys for an authorization server on this machine.
 *
 * SOCKET is the path it listens at (./signer.sock unless set). KEYS_FILE is the file for its keys; without it they are
 * kept in memory and lost when it stops.
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
