/**
 * A ring among those who use it: servers that hand out key sets, tokens and cookies, and verifiers that keep what they
 * were given for as long as they may. It remembers everything that is still good, and complains when the ring breaks it.
 *
 * Whatever is worst is done: immediately before each step every server hands out a key set, signs a token with every
 * key that signs, and begins a session; and each is used for its whole life and the margin.
 */

import {
  addAlgorithm,
  advance,
  algorithmsOf,
  emptyRing,
  noteSchedule,
  type Ring,
  removeCompromised,
  removeIdle,
  rotateCookieKey,
  rotateNow,
  type Schedule,
  type Step,
  type StepParts,
} from '../../src/keyring/ring/ring.ts'
import type { KeyAlgorithm } from '../../src/keyring/signing-key.ts'

export const MARGIN = 5
const SECRETS = { pairwiseSalt: 'salt', csrfKey: 'csrf', storeKey: 'store' }

interface KeptSet {
  readonly keyIds: ReadonlySet<string>
  readonly until: number
}

interface Signed {
  readonly by: string
  readonly until: number
}

export class RingModel {
  now = 1_000_000
  ring: Ring = emptyRing(SECRETS, { secret: 'cookie 0', createdAt: this.now })
  /** How often each kind of thing happened, to see that a run tried something. */
  readonly happened = new Map<string, number>()
  /** What each running server was configured with. */
  readonly #servers: Schedule[]
  readonly #chance: () => number
  #made = 0
  #sets: KeptSet[] = []
  #tokens: Signed[] = []
  #sessions: Signed[] = []

  constructor(servers: readonly Schedule[], chance: () => number = () => 0.5) {
    this.#servers = [...servers]
    this.#chance = chance
  }

  async start(algorithms: readonly KeyAlgorithm[]): Promise<void> {
    for (const algorithm of algorithms) await this.add(algorithm)
    for (let server = 0; server < this.#servers.length; server++) await this.restart(server, this.#schedule(server))
  }

  /** Time passes, and every server looks once a second whether something is due. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      this.now += 1
      for (const server of this.#servers.keys()) await this.#take((ring, parts) => advance(ring, parts), { server })
    }
  }

  /** Time passes, and no server runs. */
  async sleep(seconds: number): Promise<void> {
    this.#hand()
    this.now += seconds
    for (let server = 0; server < this.#servers.length; server++) await this.restart(server, this.#schedule(server))
  }

  /** A server is stopped, and started with another configuration. */
  async restart(server: number, schedule: Schedule): Promise<void> {
    this.#hand()
    this.#servers[server] = schedule
    this.ring = noteSchedule(this.ring, { now: this.now, schedule })
  }

  async add(algorithm: KeyAlgorithm): Promise<void> {
    if (algorithmsOf(this.ring).includes(algorithm)) return
    await this.#take((ring, parts) => addAlgorithm(ring, algorithm, parts), { early: true })
  }

  async rotate(server: number, algorithm: KeyAlgorithm): Promise<void> {
    if (!algorithmsOf(this.ring).includes(algorithm)) return
    await this.#take((ring, parts) => rotateNow(ring, algorithm, parts), { server })
  }

  async compromise(server: number, which: number): Promise<void> {
    const kid = this.#pick(which, () => true)
    await this.#take((ring, parts) => removeCompromised(ring, kid ?? '', parts), { server, early: true, lost: kid })
  }

  /** An operator takes a key out before its time; what he breaks by that is his. */
  async retire(which: number): Promise<void> {
    const kid = this.#pick(which, (state) => state !== 'signing')
    if (kid !== undefined) await this.#take((ring) => removeIdle(ring, kid), { lost: kid })
  }

  async rotateCookieKey(server: number): Promise<void> {
    await this.#take((ring, parts) => rotateCookieKey(ring, parts), { server })
  }

  signing(algorithm: KeyAlgorithm): string {
    return this.#kids((key) => key.state === 'signing' && key.jwk.alg === algorithm)[0] ?? ''
  }

  async #take(
    step: (ring: Ring, parts: StepParts) => Step | Promise<Step>,
    { server = 0, early = false, lost }: { server?: number; early?: boolean; lost?: string | undefined },
  ): Promise<void> {
    this.#hand()
    const before = this.ring
    const { ring, changes } = await step(before, this.#parts(server))
    this.ring = ring
    for (const { event } of changes) this.happened.set(event, (this.happened.get(event) ?? 0) + 1)
    if (lost !== undefined) this.#tokens = this.#tokens.filter(({ by }) => by !== lost)
    this.#judge(before, early)
  }

  /** Every server gives away what it may at this moment. */
  #hand(): void {
    const keyIds = new Set(this.#kids(() => true))
    const signing = this.#kids(({ state }) => state === 'signing')
    const cookie = this.ring.cookieKeys[0]?.secret ?? ''
    for (const { maxAgeSeconds, longestTokenSeconds, longestSessionSeconds } of this.#servers) {
      this.#sets.push({ keyIds, until: this.now + maxAgeSeconds + MARGIN })
      for (const by of signing) this.#tokens.push({ by, until: this.now + longestTokenSeconds + MARGIN })
      this.#sessions.push({ by: cookie, until: this.now + longestSessionSeconds + MARGIN })
    }
  }

  #judge(before: Ring, early: boolean): void {
    const alive = <T extends { until: number }>(things: T[]) => things.filter(({ until }) => until > this.now)
    this.#sets = alive(this.#sets)
    this.#tokens = alive(this.#tokens)
    this.#sessions = alive(this.#sessions)

    const all = this.#kids(() => true)
    if (new Set(all).size !== all.length) throw new Error('two keys have one name')
    for (const algorithm of new Set([...algorithmsOf(before), ...this.ring.keys.map(({ jwk }) => jwk.alg)])) {
      const count = this.#kids(({ state, jwk }) => state === 'signing' && jwk.alg === algorithm).length
      if (count !== 1) throw new Error(`${count} keys sign with ${algorithm}`)
      const waiting = this.#kids(({ state, jwk }) => state === 'next' && jwk.alg === algorithm).length
      if (waiting > 1) throw new Error(`${waiting} keys wait to sign with ${algorithm}`)
    }
    const signedBefore = new Set(before.keys.filter(({ state }) => state === 'signing').map(({ jwk }) => jwk.kid))
    for (const kid of this.#kids(({ state }) => state === 'signing')) {
      if (signedBefore.has(kid)) continue
      // A verifier that caches a set without this key fetches it when it sees it first: that is what `early` accepts.
      if (early) this.#sets = this.#sets.filter(({ keyIds }) => keyIds.has(kid))
      if (this.#sets.some(({ keyIds }) => !keyIds.has(kid))) throw new Error(`${kid} signs, and a cache is without it`)
    }
    const lost = this.#tokens.find(({ by }) => !all.includes(by))
    if (lost !== undefined) throw new Error(`${lost.by} is gone, and its tokens live`)
    const cookies = this.ring.cookieKeys.map(({ secret }) => secret)
    if (this.#sessions.some(({ by }) => !cookies.includes(by))) throw new Error('a session lost its cookie key')
    for (const [name, value] of Object.entries(SECRETS)) {
      if (Reflect.get(this.ring, name) !== value) throw new Error(`${name} changed`)
    }
  }

  #parts(server: number): StepParts {
    return {
      now: this.now,
      version: 1,
      schedule: this.#schedule(server),
      makeKey: async (alg) => ({ kid: `${alg} ${++this.#made}`, alg, use: 'sig', kty: 'test' }),
      makeSecret: () => `cookie ${++this.#made}`,
      chance: this.#chance(),
    }
  }

  #schedule(server: number): Schedule {
    return this.#servers[server % this.#servers.length] as Schedule
  }

  #kids(wanted: (key: Ring['keys'][number]) => boolean): string[] {
    return this.ring.keys.filter(wanted).map(({ jwk }) => jwk.kid)
  }

  #pick(which: number, wanted: (state: string) => boolean): string | undefined {
    const kids = this.#kids(({ state }) => wanted(state))
    return kids[which % Math.max(1, kids.length)]
  }
}
