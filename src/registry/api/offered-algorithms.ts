/** Which signing algorithms this machine can sign with: all but the youngest are in every Node that runs the server. */

import type { SigningAlgorithm } from './api.ts'

/** Asks WebCrypto itself, since a version of Node only hints at what its OpenSSL can do. */
type AskWebCrypto = (operation: string, algorithm: string) => boolean

/** Whether tokens can be signed with the algorithm here. */
export function isOffered(algorithm: SigningAlgorithm, supports: AskWebCrypto = askWebCrypto): boolean {
  return algorithm !== 'ML-DSA-65' || supports('generateKey', algorithm)
}

/** Before Node 24.7 it cannot be asked, and has no ML-DSA either. */
function askWebCrypto(operation: string, algorithm: string): boolean {
  const subtle = globalThis.SubtleCrypto as { supports?: AskWebCrypto }
  return subtle.supports?.(operation, algorithm) ?? false
}
