/**
 * The process of many verifiers, half of them at each node.
 *
 * Each is an API of its own: it has its own connection, its own keys and its own memory. A token counts as refused when
 * `verify` refuses it, not when its entry was heard.
 */

import { createVerifier, type Verifier } from '../../../src/resource/index.ts'
import type { RevocationOptions } from '../../../src/resource/revocations/revocation-feed.ts'
import { answerQuestions } from '../../kit/child.ts'

export interface VerifiersOptions {
  readonly issuer: string
  readonly audience: string
  readonly count: number
  readonly nodeUrls: readonly string[]
  readonly clientId: string
  readonly clientSecret: string
}

export type VerifiersQuestion =
  /** Answered when every verifier takes the token. */
  | { readonly ask: 'arm'; readonly token: string }
  /** Answered with the moment, in nanoseconds, at which each verifier first refused it. */
  | { readonly ask: 'refusals' }
  /** Answered when no connection has changed for a while: what ends everything ends the verifiers' own tokens too. */
  | { readonly ask: 'rest' }

interface Watched {
  readonly verifier: Verifier
  /** Called when the feed says something. */
  onNews: () => void
  aheadMs: number
}

const LOOK_AGAIN_MS = 20
const GIVE_UP_MS = 15_000
/** A server looks once a second whether the tokens of its readers are good. */
const REST_MS = 1500
/** As long as a verifier waits before it asks for an unknown key again. */
const KEY_PAUSE_MS = 11_000

const { issuer, audience, count, nodeUrls, ...client } = JSON.parse(process.argv[2] ?? '') as VerifiersOptions
const watched = Array.from({ length: count }, (_, index) => watch(nodeUrls[index % nodeUrls.length] ?? ''))
let refusals: Promise<bigint>[] = []
let changedAtMs = 0

await Promise.all(watched.map(({ verifier }) => verifier.prepare()))
answerQuestions<VerifiersQuestion>(
  async (question) => {
    if (question.ask === 'refusals') return Promise.all(refusals)
    if (question.ask === 'rest') {
      changedAtMs = performance.now()
      while (performance.now() - changedAtMs < REST_MS) await pause(LOOK_AGAIN_MS)
      return undefined
    }
    await Promise.all(watched.map((one) => untilTaken(one, question.token)))
    refusals = watched.map((one) => untilRefused(one, question.token))
    return undefined
  },
  async () => {
    await Promise.all(watched.map(({ verifier }) => verifier.close()))
  },
)

function watch(nodeUrl: string): Watched {
  const one: Watched = {
    aheadMs: 0,
    onNews: () => undefined,
    verifier: createVerifier({
      issuer,
      audience,
      clock: () => Date.now() + one.aheadMs,
      async fetch(input, init) {
        const { pathname, search } = new URL(input instanceof Request ? input.url : input)
        return fetch(nodeUrl + pathname + search, init)
      },
      revocations: {
        ...client,
        onFeed({ type }) {
          if (type === 'revocation') one.onNews()
          else if (type !== 'current') changedAtMs = performance.now()
        },
      } as RevocationOptions,
    }),
  }
  return one
}

/** A key may be new to a verifier, which asks for unknown ones only so often; its clock is moved, so that no time is spent waiting. */
async function untilTaken(one: Watched, token: string): Promise<void> {
  const deadline = performance.now() + GIVE_UP_MS
  for (let attempt = 0; ; attempt++) {
    const code = await refusalOf(one, token)
    if (code === undefined) return
    if (performance.now() > deadline) throw new Error(`a good token is refused: ${code}`)
    if (attempt === 0 && code === 'token_invalid') one.aheadMs += KEY_PAUSE_MS
    else await pause(LOOK_AGAIN_MS)
  }
}

/** Looks when the feed has said something, and in any case now and then. */
async function untilRefused(one: Watched, token: string): Promise<bigint> {
  const deadline = performance.now() + GIVE_UP_MS
  for (;;) {
    const { promise: news, resolve } = Promise.withResolvers<void>()
    one.onNews = resolve
    const code = await refusalOf(one, token)
    if (code === 'token_revoked') return process.hrtime.bigint()
    if (code !== undefined) throw new Error(`a token is refused for another reason: ${code}`)
    if (performance.now() > deadline) throw new Error('a revoked token is taken')
    await Promise.race([news, pause(LOOK_AGAIN_MS)])
  }
}

async function refusalOf({ verifier }: Watched, token: string): Promise<string | undefined> {
  return verifier.verify(token).then(
    () => undefined,
    (error: { code?: string; message: string }) => error.code ?? error.message,
  )
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
