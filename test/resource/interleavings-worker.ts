/** One worker of the interleavings: runs programs one after the other, and knows what must be true after each step. */

import type { App } from '../../src/app.ts'
import {
  connect,
  newPerson,
  type Person,
  type Remote,
  SILENT_SECONDS,
  type Token,
  tokenOf,
  type Fixture,
} from './interleavings-fixture.ts'
import { within } from '../support/figures.ts'

export interface Program {
  /** Whether the tokens are to live on after the browser session. */
  readonly offline: boolean
  readonly steps: readonly Step[]
}

type Step =
  | { readonly does: 'revoke token'; readonly which: number }
  | { readonly does: 'cut' | 'mend' | 'wait in silence'; readonly verifier: number }
  | { readonly does: 'restart a node'; readonly node: number }
  | {
      readonly does:
        | 'refresh'
        | 'revoke family'
        | 'revoke beside refresh'
        | 'use refresh token again'
        | 'sign out'
        | 'look'
        | 'rotate keys'
        | 'compromise the key'
    }

/** What was seen, by all workers. */
export interface Tally {
  accepted: number
  refused: number
  silent: number
  steps: number
}

export interface Worker {
  /** Throws when something is not as it must be. */
  run(program: Program): Promise<void>
  close(): Promise<void>
}

/** Acknowledged, and a second later refused everywhere. */
const WINDOW_MS = within(1000).timeout
/** For one who was away and has to come back first, or while a node is. */
const RETURN_MS = within(12_000).timeout
const BEGIN_MS = 60_000
const UNKNOWN_KEY_PAUSE_SECONDS = 11
const CLIENT = { client_id: 'demo-spa' }

export async function createWorker(fixture: Fixture, tally: Tally): Promise<Worker> {
  const remotes = [connect(fixture, 0), connect(fixture, 1)]
  // Forty people come at once: on a busy machine the first word takes longer than a verifier waits for it.
  await Promise.all(remotes.map(({ verifier }) => retried(() => verifier.prepare())))

  return {
    async run(program) {
      const person = await retried((attempt) =>
        newPerson(fixture, fixture.nodes[attempt % fixture.nodes.length] as App),
      )
      await new Run(fixture, person, remotes, tally).run(program)
    },
    async close() {
      await Promise.all(remotes.map(({ verifier }) => verifier.close()))
    },
  }
}

class Run {
  readonly #fixture: Fixture
  readonly #person: Person
  readonly #remotes: readonly Remote[]
  readonly #tally: Tally
  readonly #tokens: Token[] = []
  /** Those of which the server has said that they are revoked. */
  readonly #ended = new Set<Token>()
  readonly #usedUp: string[] = []
  readonly #wereAway = new Set<Remote>()
  readonly #disturbances: number
  #refreshToken = ''
  #isOver = false

  constructor(fixture: Fixture, person: Person, remotes: readonly Remote[], tally: Tally) {
    this.#fixture = fixture
    this.#person = person
    this.#remotes = remotes
    this.#tally = tally
    this.#disturbances = fixture.disturbances
  }

  async run({ offline, steps }: Program): Promise<void> {
    await this.#begin(`openid orders:read${offline ? ' offline_access' : ''}`)
    for (const step of steps) {
      this.#tally.steps += 1
      await this.#take(step)
    }
    await this.#revokeFamily()
    for (const remote of this.#remotes) {
      if (remote.isCut) this.#wereAway.add(remote)
      remote.mend()
      remote.aheadSeconds = 0
    }
    await this.#look()
  }

  /** A family that both verifiers take; a node may be away, and a key new to them. */
  async #begin(scope: string): Promise<void> {
    const { token, refreshToken } = await retried(() => this.#person.begin(scope))
    this.#tokens.push(token)
    this.#refreshToken = refreshToken
    for (const remote of this.#remotes) {
      if ((await verdict(remote, token)) === 'accepted') continue
      this.#wereAway.add(remote)
      await this.#untilTaken(remote, token)
    }
  }

  /** A verifier asks for an unknown key only so often, by its clock, and the node that it asks may not know it yet. */
  async #untilTaken(remote: Remote, token: Token): Promise<void> {
    const deadline = performance.now() + BEGIN_MS
    for (let seen = ''; seen !== 'accepted'; seen = await verdict(remote, token)) {
      // The key may be compromised by now: then it is not this token that has to be taken.
      if (this.#fixture.compromised.has(token.kid)) break
      if (performance.now() > deadline) throw new Error(`${remote.name} does not take a new token: ${seen}`)
      await new Promise((resolve) => setTimeout(resolve, 200))
      remote.aheadSeconds = UNKNOWN_KEY_PAUSE_SECONDS - remote.aheadSeconds
    }
    remote.aheadSeconds = 0
  }

  async #take(step: Step): Promise<void> {
    switch (step.does) {
      case 'refresh':
        return this.#refresh()
      case 'revoke token':
        return this.#revokeToken(step.which)
      case 'revoke family':
        return this.#revokeFamily()
      case 'revoke beside refresh':
        await Promise.all([this.#refresh(), this.#revoke(this.#refreshToken)])
        return this.#familyEnded()
      case 'use refresh token again':
        return this.#useAgain()
      case 'sign out':
        await retried(() => this.#person.signOut())
        for (const token of this.#tokens) if (token.sid !== undefined) this.#ended.add(token)
        return
      case 'cut':
        return this.#remote(step).cut()
      case 'mend':
        if (this.#remote(step).isCut) this.#wereAway.add(this.#remote(step))
        return this.#remote(step).mend()
      case 'wait in silence':
        return this.#waitInSilence(this.#remote(step))
      case 'look':
        return this.#look()
      case 'rotate keys':
        await retried((attempt) => this.#node(attempt).keyring.rotate('ES256'))
        return
      case 'compromise the key':
        return this.#compromise()
      case 'restart a node':
        return this.#fixture.restart(step.node)
    }
  }

  #remote({ verifier }: { readonly verifier: number }): Remote {
    return this.#remotes[verifier] as Remote
  }

  #node(attempt: number): App {
    return this.#fixture.nodes[attempt % 2] as App
  }

  async #refresh(): Promise<void> {
    const used = this.#refreshToken
    const { body } = await this.#fixture.call('/token', { ...CLIENT, grant_type: 'refresh_token', refresh_token: used })
    if (body.access_token === undefined) return
    if (this.#isOver) throw new Error('a family that had ended gave a token')
    this.#tokens.push(tokenOf(body.access_token))
    this.#usedUp.push(used)
    this.#refreshToken = body.refresh_token ?? used
  }

  async #revokeToken(which: number): Promise<void> {
    const token = this.#tokens[which % this.#tokens.length] as Token
    await this.#revoke(token.text)
    this.#ended.add(token)
  }

  async #revokeFamily(): Promise<void> {
    await this.#revoke(this.#refreshToken)
    this.#familyEnded()
  }

  async #revoke(token: string): Promise<void> {
    const { status } = await this.#fixture.call('/revoke', { ...CLIENT, token })
    if (status !== 200) throw new Error(`/revoke answered with ${status}`)
  }

  #familyEnded(): void {
    this.#isOver = true
    for (const token of this.#tokens) this.#ended.add(token)
  }

  /** What a thief does, or the owner after a thief: the server cannot tell, and ends the family. */
  async #useAgain(): Promise<void> {
    const used = this.#usedUp.at(-1)
    if (used === undefined || used === this.#refreshToken) return
    const { status } = await this.#fixture.call('/token', {
      ...CLIENT,
      grant_type: 'refresh_token',
      refresh_token: used,
    })
    if (status === 200) throw new Error('a used refresh token was taken')
    this.#familyEnded()
  }

  async #compromise(): Promise<void> {
    const { signingJwks: jwks } = this.#node(0).keyring.current()
    const keyId = (jwks as readonly { alg?: string; kid?: string }[]).find(({ alg }) => alg === 'ES256')?.kid ?? ''
    this.#fixture.disturbances += 1
    await retried((attempt) => this.#node(attempt).keyring.compromise(keyId))
    this.#fixture.compromised.add(keyId)
    this.#fixture.disturbances += 1
  }

  /** A verifier that is cut off, and whose clock goes on: it must stop by itself. */
  async #waitInSilence(remote: Remote): Promise<void> {
    if (!remote.isCut) return
    // More than it was moved before, for this program's first token perhaps.
    remote.aheadSeconds = SILENT_SECONDS + UNKNOWN_KEY_PAUSE_SECONDS
    for (const token of this.#tokens) {
      const seen = await verdict(remote, token)
      if (seen === 'accepted') throw new Error(`${remote.name} takes tokens in silence`)
      this.#tally.silent += 1
    }
    this.#wereAway.add(remote)
  }

  async #look(): Promise<void> {
    await Promise.all(this.#remotes.filter(({ isCut }) => !isCut).map((remote) => this.#lookAt(remote)))
  }

  async #lookAt(remote: Remote): Promise<void> {
    const startedMs = performance.now()
    const { turns } = remote
    const isQuiet = () => this.#disturbances === this.#fixture.disturbances && !this.#wereAway.has(remote)
    const stays = () => isQuiet() && turns % 2 === 1 && remote.turns === turns
    for (const token of this.#tokens) {
      const isEnded = () => this.#ended.has(token) || this.#fixture.compromised.has(token.kid)
      if (!isEnded()) {
        const seen = await verdict(remote, token)
        // Another worker may have found the key compromised, or restarted a node, in this very moment.
        if (seen !== 'accepted' && isQuiet()) throw new Error(`${remote.name} does not take a good token: ${seen}`)
        if (seen === 'accepted') this.#tally.accepted += 1
        continue
      }
      while ((await verdict(remote, token)) === 'accepted') {
        const waitedMs = performance.now() - startedMs
        if (waitedMs > (stays() ? WINDOW_MS : RETURN_MS)) {
          const what = JSON.stringify({ ...token, text: undefined })
          throw new Error(`${remote.name} takes ${what} ${waitedMs.toFixed(0)} ms after it was revoked`)
        }
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      this.#tally.refused += 1
    }
  }
}

/** `accepted`, or the code of the refusal. */
async function verdict({ verifier }: Remote, token: Token): Promise<string> {
  return verifier.verify(token.text).then(
    () => 'accepted',
    (error: { code: string }) => error.code,
  )
}

/** A node that is restarted breaks what was under way; people press the button again. */
async function retried<T>(work: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work(attempt)
    } catch (error) {
      if (attempt >= 100) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
