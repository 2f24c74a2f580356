/**
 * Codes, refresh tokens and opaque access tokens.
 *
 * - `find` also reads the grant and the session: one round trip where the engine makes three.
 * - A code is consumed once. A second use ends the grant, at the same time or later: we cannot tell an attacker from
 *   the owner (RFC 6749 section 4.1.2, RFC 9700 section 4.5).
 * - A refresh token is consumed and its successor stored in one step, so no crash can separate them. For a short time
 *   the same client gets the same successor again, because its response may have been lost. After that a reuse ends the
 *   grant (RFC 9700 section 4.14.2; see spent-tokens.ts). On the fast path a code and its refresh token are one step too
 *   (../fast-path/).
 * - Nothing is stored for a grant that has ended.
 */

import { type AdapterPayload, errors, Provider } from 'oidc-provider'

import { keys, shardOf } from '../../store/keys.ts'
import type { Entry, Key, PutOptions } from '../../store/store.ts'
import { idempotentSeconds } from '../configuration/token-lifetimes.ts'
import { type HandleModel, handleKey, isAccessTokenModel } from './handles.ts'
import { requestScope, type Source, type SourceState } from '../request/scope.ts'
import { type AdapterParts, keptSeconds, type ModelAdapter } from './parts.ts'
import { endOnce } from './endings.ts'
import { findSpent, remembered } from './spent-tokens.ts'

export function tokenAdapter(model: HandleModel, parts: AdapterParts): ModelAdapter {
  const { store, revocation } = parts
  const { open, close, stateOf } = createPayloads(parts)
  const consumption = createConsumption(parts)

  return {
    async find(id) {
      if (isAccessTokenModel(model) && id.includes('.')) return parts.accessTokens.read(model, id)
      const key = handleKey(model, id)
      if (key === undefined) return undefined
      const linked = await store.getLinked(key)
      const isRevocation = Provider.ctx?.oidc?.route === 'revocation'
      // The token may be gone by an ending that no replica has yet. The response to a revocation acknowledges it.
      if (linked === undefined && isRevocation) await store.confirm(key)
      if (linked === undefined) return model === 'RefreshToken' ? findSpent(parts, id, key) : undefined

      const payload = open(linked.entry.value, key)
      // The mark that ended it may not be confirmed by a replica yet. Then a revocation also ends the token itself.
      if (!isRevocation && revocation.hasEnded({ clientId: payload.clientId, issuedAt: payload.iat })) return undefined
      // A removed client has no tokens; the engine would look it up in any case.
      if (!(await isKnown(payload.clientId))) return undefined
      payload.jti = id
      // The engine refuses tokens for an API, also those that have the issuer in their audience.
      if (Provider.ctx?.oidc?.route === 'userinfo' && parts.accessTokens.opensUserinfo(payload.aud)) delete payload.aud
      remember(payload, linked.refs)
      if (isRevocation) standAlone(model, payload)
      const state = stateOf(payload, linked.entry, key)
      if (!isAccessTokenModel(model)) requestScope().source = sourceOf(model, id, key, payload, state)
      if (model === 'RefreshToken' && payload.needsProof === true) requireProof()
      return payload
    },

    async upsert(id, payload, expiresIn) {
      const { source } = requestScope()
      if (model === 'RefreshToken' && source?.state.is === 'repeated') return
      const key = handleKey(model, id)
      if (key === undefined) throw new TypeError(`not a handle of ${model}`)
      if (model === 'RefreshToken' && comesWithProof()) Object.assign(payload, { needsProof: true })
      const value = close(payload, key)
      const options = placing(payload as TokenPayload, expiresIn)

      if (model === 'RefreshToken' && source?.hasSuccessor && source.state.is !== 'found') {
        await consumption.succeed(source, { id, key, value, options })
        return
      }
      const outcome = await store.put(
        key,
        value,
        // A code lives for a minute. Absent before it is stored, it outlives a Redis whose clock is ahead by more than that.
        model === 'AuthorizationCode' ? { ...(await whileSignedIn(options)), ifAbsent: true } : options,
      )
      // A code for a grant or session that ended meanwhile is refused here. A token is not: the second user of a code ends the
      // grant while the first is still being answered, and the first must get his answer; the token in it is dead.
      if (outcome === 'gone' && model === 'AuthorizationCode') throw new errors.AccessDenied('the session has ended')
    },

    async consume(id) {
      const { source } = requestScope()
      if (source?.handle !== id) throw new TypeError(`${model} was consumed before it was found`)
      await parts.canSign()
      await consumption.consume(source)
    },

    async destroy(id) {
      const { RefreshToken: refreshToken, AccessToken, ClientCredentials } = Provider.ctx?.oidc?.entities ?? {}
      // A refresh token is removed with its family and not before, so that a repeated request still finds it.
      if (model === 'RefreshToken' && refreshToken?.grantId) return endOnce(parts, refreshToken.grantId)
      const key = handleKey(model, id)
      const token = AccessToken ?? ClientCredentials
      const ended = key === undefined ? { jti: id, expiresAt: token?.exp ?? 0, ...ownersIn(token?.extra) } : { key }
      await revocation.endToken(ended, 'access_token_revoked', { clientId: token?.clientId })
    },

    async revokeByGrantId(grantId) {
      await endOnce(parts, grantId)
    },
  }

  async function isKnown(clientId: string): Promise<boolean> {
    return (parts.clients.heldClient(clientId) ?? (await parts.clients.findClient(clientId))) !== undefined
  }
}

/** The text of a token's entry, and what is read from it. */
function createPayloads({ sealer }: Pick<AdapterParts, 'sealer'>) {
  return { open, close, stateOf }

  function open(value: string, key: Key): TokenPayload {
    const { sealedNonce, ...payload } = JSON.parse(value) as TokenPayload & { sealedNonce?: string }
    return sealedNonce === undefined ? payload : { ...payload, nonce: sealer.open(sealedNonce, key) }
  }

  /** Only the application may know its nonce (OpenID Connect Core section 15.5.2), so it is sealed. */
  function close(payload: AdapterPayload, key: Key): string {
    const { nonce } = payload
    const sealedNonce = nonce === undefined ? undefined : sealer.seal(nonce, key)
    // Undefined members are not written. The payload was made for this call, so it need not be copied.
    return JSON.stringify(Object.assign(payload, { jti: undefined, nonce: undefined, sealedNonce }))
  }

  /** The payload says that the token is consumed, unless its successor is to be answered again. */
  function stateOf(payload: TokenPayload, { consumed }: Entry, key: Key): SourceState {
    if (consumed?.note !== undefined && isTokenRequest()) {
      return { is: 'repeated', successor: sealer.open(consumed.note, key) }
    }
    if (consumed !== undefined) payload.consumed = Math.floor(consumed.atMs / 1000)
    return { is: 'found' }
  }
}

/** How a code or a refresh token is consumed: by itself, or in one step with its successor. */
function createConsumption(parts: Pick<AdapterParts, 'store' | 'sealer' | 'clients' | 'revocation' | 'audit'>) {
  const { store, sealer } = parts
  return { consume, succeed }

  /** Throws `InvalidGrant` when it was used before. With a successor it waits for `succeed`. */
  async function consume(source: Source): Promise<void> {
    if (source.hasSuccessor) {
      if (source.state.is !== 'repeated') source.state = { is: 'awaits_successor' }
      // The request that stored the successor may still wait for its confirmation, and a failover may lose it.
      else await store.confirm(source.key)
      return
    }
    const { outcome } = await store.consume(source.key, requestScope().by)
    source.state = { is: 'decided' }
    if (outcome === 'won') return
    if (outcome === 'lost') await endReused(source)
    throw new errors.InvalidGrant('authorization code already consumed')
  }

  /** Consumes the source and stores its successor, in one step. */
  async function succeed(
    source: Source,
    successor: { id: string; key: Key; value: string; options: PutOptions },
  ): Promise<void> {
    const { key } = source
    // A code gives one response (RFC 6749 section 4.1.2). A refresh token gives the same response again for a short
    // time.
    const noteSeconds = source.model === 'RefreshToken' ? await windowOf(source) : 0
    const note = noteSeconds > 0 ? { note: sealer.seal(successor.id, key), noteSeconds } : {}
    const result = await store.consume(key, requestScope().by, {
      successor: { key: successor.key, value: successor.value, options: successor.options },
      ...note,
      ...remembered(source, noteSeconds),
    })
    source.state = { is: 'decided' }
    if (result.outcome === 'won') return
    if (result.outcome === 'lost' && result.consumed.note !== undefined) {
      source.state = { is: 'repeated', successor: sealer.open(result.consumed.note, key) }
      return
    }
    if (result.outcome === 'lost') await endReused(source)
    throw new errors.InvalidGrant('the token was already used')
  }

  async function windowOf({ clientId, isSenderConstrained }: Source): Promise<number> {
    return idempotentSeconds(await parts.clients.getClient(clientId), isSenderConstrained)
  }

  async function endReused({ model, grantId, clientId }: Source) {
    const reason = model === 'RefreshToken' ? 'refresh_token_reused' : 'authorization_code_reused'
    if (grantId !== undefined) await endOnce(parts, grantId, { reason, clientId })
  }
}

/**
 * Whether the access token of this refresh token is bound to a key. That of a client with credentials is not bound itself
 * (RFC 9449 section 5), so its record says that a refresh must bring a proof, or a stolen pair of credentials and token would
 * give what works without any key.
 */
function comesWithProof(): boolean {
  return requestScope().source?.needsProof === true || Provider.ctx?.oidc?.entities.AccessToken?.jkt !== undefined
}

function requireProof(): void {
  if (!isTokenRequest() || Provider.ctx?.headers.dpop !== undefined) return
  throw new errors.InvalidGrant('DPoP proof JWT not provided')
}

/**
 * A code is stored while the session it was asked for in is alive. A session that this request did not find but makes
 * (a first sign-in) is saved after the code.
 */
async function whileSignedIn(options: PutOptions): Promise<PutOptions> {
  const { seen } = requestScope()
  const found = await Promise.all((options.refs ?? []).map(async (key) => (await seen.get(key)) && key))
  return { ...options, ifPresent: [...(options.ifPresent ?? []), ...found.filter((key) => key !== undefined)] }
}

/** Later look-ups of the grant, the session or the account in this request find it here. */
function remember(payload: TokenPayload, refs: ReadonlyMap<Key, Entry>): void {
  const { seen } = requestScope()
  for (const key of refsOf(payload)) seen.set(key, Promise.resolve(refs.get(key)))
}

function isTokenRequest(): boolean {
  return Provider.ctx?.oidc?.route === 'token'
}

function sourceOf(
  model: Source['model'],
  handle: string,
  key: Key,
  { clientId, grantId, sessionUid, authTime, acr, amr, jkt, 'x5t#S256': thumbprint, needsProof = false }: TokenPayload,
  state: SourceState,
): Source {
  const isSenderConstrained = jkt !== undefined || thumbprint !== undefined
  const signedIn = { authTime, acr, amr }
  const hasSuccessor = model === 'RefreshToken'
  return {
    model,
    handle,
    key,
    clientId,
    grantId,
    sessionUid,
    isSenderConstrained,
    needsProof,
    ...signedIn,
    hasSuccessor,
    state,
  }
}

/**
 * A revocation of an access token ends that token only (RFC 7009 section 2.1 leaves the rest to the server). With the
 * grant's id the engine would end the whole grant. Neither the token nor its session needs to be alive.
 */
function standAlone(model: HandleModel, payload: TokenPayload): void {
  if (isAccessTokenModel(model)) delete payload.grantId
  delete payload.expiresWithSession
}

/** The claims of a JWT, as access-tokens/record-reader.ts leaves them, that say among whose its entry counts. */
function ownersIn({ sub, gid }: { sub?: unknown; gid?: unknown } = {}): { sub?: string; gid?: string } {
  return { ...(typeof sub === 'string' && { sub }), ...(typeof gid === 'string' && { gid }) }
}

interface TokenPayload extends AdapterPayload {
  clientId: string
  grantId?: string
  sessionUid?: string
  /** Of a refresh token: a refresh must bring a DPoP proof. */
  needsProof?: boolean
}

function placing(payload: TokenPayload, expiresIn: number | undefined): PutOptions {
  const ttlSeconds = keptSeconds(expiresIn)
  if (payload.grantId === undefined) return { ttlSeconds }
  return {
    ttlSeconds,
    ifPresent: [keys.grant(payload.grantId)],
    refs: refsOf(payload),
    memberOf: keys.grantMembers(payload.grantId),
  }
}

function refsOf({ grantId, sessionUid }: TokenPayload): Key[] {
  if (grantId === undefined) return []
  // A grant that was given in another session than the one in use lies in another shard: it is read on its own.
  const sessionNear = sessionUid !== undefined && shardOf(sessionUid) === shardOf(grantId)
  return sessionNear ? [keys.grant(grantId), keys.session(sessionUid)] : [keys.grant(grantId)]
}
