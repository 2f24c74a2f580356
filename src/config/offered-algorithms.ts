/** Which signing algorithms this machine can sign with: all but the youngest are in every Node that runs the server. */

import type { SigningAlgorithm } from './config.ts'

/** Asks WebCrypto itself, since a version of Node only hints at what its OpenSSL can do. */
type AskWebCrypto = (operation: string, algorithm: string) => boolean

/** Whether tokens can be signed with the algorithm here. */
export function isOffered(algorithm: SigningAlgorithm, supports: AskWebCrypto | undefined = webCrypto()): boolean {
  return algorithm !== 'ML-DSA-65' || supports?.('generateKey', algorithm) === true
}

/** `undefined` before Node 24.7, which has ML-DSA neither. */
function webCrypto(): AskWebCrypto | undefined {
  return (globalThis.SubtleCrypto as { supports?: AskWebCrypto }).supports
}
