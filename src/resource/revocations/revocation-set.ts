/**
 * A set of revocations, which answers: does an entry cover this token?
 *
 * An entry names one thing (a token, a grant, a session, a signing key, a client) or everything issued before a time.
 * It has an expiry, after which no token that it covers is valid. Entries are final, so two sets may be merged in any
 * order, any number of times; no entry is ever withdrawn.
 *
 * The server has one such set for its own endpoints, and every verifier has its own.
 */

/** On the wire as it stands here. Exactly one of the names, or `before` alone; `sub` and `client_id` may come with `before`. */
export interface RevocationEntry {
  /** One token. */
  readonly jti?: string
  /** One grant: every token that one client was given in one sign-in. */
  readonly gid?: string
  /** One browser session: the tokens that were to end with it. */
  readonly sid?: string
  /** One signing key: every token it signed. */
  readonly kid?: string
  /** One person as a client knows them, or one client by itself: every token of this subject. With `before`, only those. */
  readonly sub?: string
  /** One client: every token that was issued to it, for any person. With `before`, only earlier ones. */
  readonly client_id?: string
  /** Epoch seconds: every token whose `iat` is smaller. */
  readonly before?: number
  /** With `before`: only access tokens have ended, and their grants live on. For a verifier there is no difference. */
  readonly tokens_only?: boolean
  /** Epoch seconds from which on no token that the entry covers is alive. */
  readonly exp: number
}

/** The members of a token that an entry can name: claims by their names on the wire, and the `kid` of the header. */
export interface Revocable {
  readonly jti?: unknown
  readonly gid?: unknown
  readonly sid?: unknown
  readonly sub?: unknown
  readonly client_id?: unknown
  readonly iat?: unknown
  readonly kid?: unknown
}

export interface RevocationSet {
  /** How many entries are held. */
  readonly size: number
  /** Adds an entry; `false` when it was here already or names nothing this version knows. */
  add(entry: RevocationEntry): boolean
  /** Whether an entry covers this token. */
  covers(token: Revocable): boolean
}

const NAMES = ['jti', 'gid', 'sid', 'kid'] as const
/** Members that may occur together with `before`. */
const OWNERS = ['sub', 'client_id'] as const
/** Forgetting costs a look at every entry, so it is done now and then; an entry held too long does no harm. */
const SWEEP_SECONDS = 60

/** `clock` gives epoch milliseconds. */
export function createRevocationSet({ clock }: { readonly clock: () => number }): RevocationSet {
  // By name, what is named and until when: 100,000 of them are some 10 MB.
  const named = { jti: new Map(), gid: new Map(), sid: new Map(), kid: new Map() } as Record<
    (typeof NAMES)[number],
    Map<string, number>
  >
  const cutOffs = { sub: new Map<string, Before>(), client_id: new Map<string, Before>() }
  let everything = NOTHING
  let sweptAt = 0

  return {
    get size() {
      const all = NAMES.reduce((sum, name) => sum + named[name].size, cutOffs.sub.size + cutOffs.client_id.size)
      return everything === NOTHING ? all : all + 1
    },

    add(entry) {
      const now = clock() / 1000
      if (Math.abs(now - sweptAt) >= SWEEP_SECONDS) sweep(now)
      for (const name of NAMES) {
        const value = entry[name]
        if (typeof value === 'string') return addNamed(named[name], value, entry.exp)
      }
      for (const name of OWNERS) {
        const value = entry[name]
        if (typeof value === 'string') return addCutOff(cutOffs[name], value, entry)
      }
      if (typeof entry.before !== 'number') return false
      const later = laterOf(everything, { before: entry.before, exp: entry.exp })
      const isNews = later !== everything
      everything = later
      return isNews
    },

    covers(token) {
      for (const name of NAMES) if (named[name].has(token[name] as string)) return true
      // A token without `iat` is covered by any cut-off.
      const issuedAt = typeof token.iat === 'number' ? token.iat : Number.NEGATIVE_INFINITY
      if (issuedAt < everything.before) return true
      for (const name of OWNERS) {
        const cutOff = cutOffs[name].get(token[name] as string)
        if (cutOff !== undefined && issuedAt < cutOff.before) return true
      }
      return false
    },
  }

  function addNamed(held: Map<string, number>, value: string, exp: number): boolean {
    const before = held.get(value)
    if (before !== undefined && before >= exp) return false
    held.set(value, exp)
    return before === undefined
  }

  function addCutOff(of: Map<string, Before>, owner: string, entry: RevocationEntry): boolean {
    const { before = Number.POSITIVE_INFINITY, exp } = entry
    const held = of.get(owner)
    const later = held === undefined ? { before, exp } : laterOf(held, { before, exp })
    of.set(owner, later)
    return later !== held
  }

  function sweep(now: number): void {
    sweptAt = now
    for (const name of NAMES) for (const [value, exp] of named[name]) if (exp <= now) named[name].delete(value)
    for (const name of OWNERS) {
      for (const [owner, { exp }] of cutOffs[name]) if (exp <= now) cutOffs[name].delete(owner)
    }
    if (everything.exp <= now) everything = NOTHING
  }
}

interface Before {
  readonly before: number
  readonly exp: number
}

const NOTHING: Before = { before: Number.NEGATIVE_INFINITY, exp: 0 }

/** Both at once: everything that either covers, for as long as either has to last. */
function laterOf(held: Before, added: Before): Before {
  if (added.before <= held.before && added.exp <= held.exp) return held
  return { before: Math.max(held.before, added.before), exp: Math.max(held.exp, added.exp) }
}
