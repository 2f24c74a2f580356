/**
 * Nonces for DPoP proofs (RFC 9449 section 9), made of the time and a secret. All instances of an API that share the
 * secret accept each other's nonces, and none has to be stored.
 */

import { createHmac, timingSafeEqual } from 'node:crypto'

export interface DpopNonces {
  /** The one to send now. */
  current(): string
  /** Whether a nonce is this step's or the last one's, by the clock of any instance. */
  isValid(nonce: string): boolean
  /** How long a nonce is valid at most after it was first sent. */
  readonly lifetimeSeconds: number
}

export interface DpopNonceOptions {
  /**
   * At least 32 bytes, shared by every instance of the API. Of several the first makes nonces and all are accepted, so
   * that a secret can be replaced.
   */
  readonly secret: Uint8Array | readonly Uint8Array[]
  /** How long one nonce is handed out, 10 to 3600; it is accepted for as long again. Default 60. */
  readonly stepSeconds?: number
}

const STEP_SECONDS = 60
const MIN_SECRET_BYTES = 32

export interface DpopNonceClocks {
  /** Epoch milliseconds. */
  readonly clock: () => number
  /** By how much another instance may be ahead. */
  readonly toleranceSeconds: number
}

/** Throws a `TypeError` for options that are wrong. */
export function createDpopNonces(options: DpopNonceOptions, { clock, toleranceSeconds }: DpopNonceClocks): DpopNonces {
  const { secret, stepSeconds = STEP_SECONDS } = options
  const secrets = secret instanceof Uint8Array ? [secret] : secret
  if (!Array.isArray(secrets) || secrets.length === 0 || !secrets.every(isSecret)) {
    throw new TypeError(`dpop.nonce.secret must be at least ${MIN_SECRET_BYTES} bytes, or a list of such`)
  }
  if (!(Number.isInteger(stepSeconds) && stepSeconds >= 10 && stepSeconds <= 3600)) {
    throw new TypeError('dpop.nonce.stepSeconds must be 10 to 3600')
  }
  // Copies: the caller may wipe or reuse its buffers.
  const kept = secrets.map((one) => Uint8Array.from(one))

  function step(aheadSeconds = 0): number {
    return Math.floor((clock() / 1000 + aheadSeconds) / stepSeconds)
  }

  return {
    lifetimeSeconds: stepSeconds * 2 + toleranceSeconds,

    current() {
      return nonceOf(step(), kept[0] as Uint8Array)
    },

    isValid(nonce) {
      const sent = Buffer.from(nonce)
      const steps = new Set([step(), step() - 1, step(toleranceSeconds)])
      return kept.some((one) =>
        [...steps].some((at) => {
          const right = Buffer.from(nonceOf(at, one))
          return sent.length === right.length && timingSafeEqual(sent, right)
        }),
      )
    },
  }
}

function nonceOf(step: number, secret: Uint8Array): string {
  return createHmac('sha256', secret).update(`grantor dpop nonce ${step}`).digest('base64url').slice(0, 22)
}

function isSecret(one: unknown): boolean {
  return one instanceof Uint8Array && one.byteLength >= MIN_SECRET_BYTES
}
