/** Has every token verified by every kind of verifier: the moment it is handed out, and again just before it expires. */

import { decodeJwt, decodeProtectedHeader } from 'jose'

import type { Algorithm } from './soak-servers.ts'
import { type Handed, type Look, noteFailure, type Tally } from './tally.ts'
import type { VerifierKind } from './verifiers.ts'

export interface Judge {
  /** Resolves when every verifier has looked at it for the first time. */
  take(token: string, use: Handed['use']): Promise<void>
  /** Resolves when every verifier has looked twice at everything that was taken. */
  settled(): Promise<void>
}

export interface JudgeParts {
  readonly kinds: readonly VerifierKind[]
  readonly tally: Tally
  readonly speed: number
}

// Real time: what five looks may take on a busy machine. By the faster clock it is little of a token's life.
const BEFORE_EXPIRY_MS = 2000

export function createJudge({ kinds, tally, speed }: JudgeParts): Judge {
  const waiting = new Set<Promise<void>>()

  return {
    async take(token, use) {
      const handed = read(token, use)
      tally.tokens += 1
      tally.keysSeen.get(handed.algorithm)?.add(handed.keyId)
      await lookAt(handed, 'atOnce')
      const second = untilNearlyExpired(handed).then(() => lookAt(handed, 'beforeExpiry'))
      waiting.add(second)
      void second.finally(() => waiting.delete(second))
    },

    async settled() {
      await Promise.all(waiting)
    },
  }

  async function lookAt(handed: Handed, look: Look): Promise<void> {
    const asked = kinds.filter(({ takesIdTokens }) => takesIdTokens || handed.use === 'access')
    await Promise.all(asked.map((kind) => ask(kind, handed, look)))
  }

  async function ask(kind: VerifierKind, handed: Handed, look: Look): Promise<void> {
    const looks = tally.looks.get(kind.name)
    if (looks === undefined) throw new TypeError(`there is no count of ${kind.name}`)
    try {
      await kind.verify(handed)
      looks[look] += 1
    } catch (error) {
      if (Date.now() >= handed.expiresAt * 1000) {
        looks.tooLate += 1
        return
      }
      looks.refused += 1
      noteFailure(tally, `${kind.name}, ${look}: ${handed.algorithm} ${handed.keyId}: ${(error as Error).message}`)
    }
  }

  function untilNearlyExpired({ expiresAt }: Handed): Promise<void> {
    const leftMs = (expiresAt * 1000 - Date.now()) / speed
    return new Promise((resolve) => setTimeout(resolve, leftMs - BEFORE_EXPIRY_MS))
  }
}

function read(token: string, use: Handed['use']): Handed {
  const { alg, kid } = decodeProtectedHeader(token)
  const { exp, aud } = decodeJwt(token)
  // An access token that opens userinfo names its API first, then the issuer.
  const [audience] = [aud].flat()
  if (kid === undefined || exp === undefined || audience === undefined) throw new Error('a token lacks kid, exp or aud')
  return { token, use, algorithm: alg as Algorithm, keyId: kid, audience, expiresAt: exp }
}
