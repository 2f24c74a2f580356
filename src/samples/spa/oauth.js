/**
 * Signs in from a page: authorization code with PKCE (RFC 7636), with only fetch and WebCrypto.
 *
 * Tokens stay in this module's memory. localStorage is readable by every script that ever runs on this origin, and
 * outlives the tab; never put a token there. Only state, nonce and the code verifier go through sessionStorage, because
 * the page is unloaded during the sign-in, and they are worthless without the code.
 */

/**
 * @typedef {object} Settings
 * @property {string} issuer
 * @property {string} clientId
 * @property {string} redirectUri
 * @property {string} signedOutUri
 * @property {string} scope
 * @property {string[]} resources
 */

const SAVED = 'signing-in'
/** Renewed this long before the end, so that none expires on its way. */
const EARLY_MS = 10_000

/** @param {Settings} settings */
export function createSignIn(settings) {
  const { issuer, clientId, redirectUri, signedOutUri, scope, resources } = settings
  /** @type {Map<string, { value: string, expiresAtMs: number }>} */
  const accessTokens = new Map()
  let refreshToken = ''
  let metadata
  /** Refreshes one after the other: two at once would present one refresh token twice. */
  let queue = Promise.resolve()

  async function discover() {
    if (metadata !== undefined) return metadata
    const response = await fetch(`${issuer}/.well-known/openid-configuration`)
    const found = await response.json()
    // Another issuer's document would send the code somewhere else (RFC 8414 section 3.3).
    if (found.issuer !== issuer) throw new Error('The authorization server gives another name than expected.')
    metadata = found
    return metadata
  }

  async function askForTokens(parameters) {
    const { token_endpoint } = await discover()
    const body = new URLSearchParams({ client_id: clientId, ...parameters })
    const response = await fetch(token_endpoint, { method: 'POST', body })
    const tokens = await response.json()
    if (!response.ok) throw new Error(`The server gave no token: ${tokens.error}.`)
    refreshToken = tokens.refresh_token ?? refreshToken
    const held = { value: tokens.access_token, expiresAtMs: Date.now() + tokens.expires_in * 1000 - EARLY_MS }
    accessTokens.set(parameters.resource, held)
    return tokens
  }

  return {
    /** Leaves for the sign-in page. */
    async begin() {
      const { authorization_endpoint } = await discover()
      const saved = { state: randomText(), nonce: randomText(), verifier: randomText() }
      sessionStorage.setItem(SAVED, JSON.stringify(saved))
      const url = new URL(authorization_endpoint)
      url.search = new URLSearchParams({
        client_id: clientId,
        response_type: 'code',
        redirect_uri: redirectUri,
        scope,
        state: saved.state,
        nonce: saved.nonce,
        code_challenge: await challengeOf(saved.verifier),
        code_challenge_method: 'S256',
      }).toString()
      for (const resource of resources) url.searchParams.append('resource', resource)
      location.assign(url)
    },

    /** The claims of the ID token after coming back; `undefined` when this is not a coming back. */
    async finish() {
      const answer = new URLSearchParams(location.search)
      if (!answer.has('state')) return undefined
      const saved = JSON.parse(sessionStorage.getItem(SAVED) ?? '{}')
      sessionStorage.removeItem(SAVED)
      // The code leaves the address bar and the history before anything else happens.
      history.replaceState(null, '', '/')
      checkAnswer(answer, saved, issuer)
      const tokens = await askForTokens({
        grant_type: 'authorization_code',
        code: answer.get('code') ?? '',
        redirect_uri: redirectUri,
        code_verifier: saved.verifier,
        resource: resources[0],
      })
      return readIdToken(tokens.id_token, { issuer, clientId, nonce: saved.nonce })
    },

    /** A token for one API, from memory or by refresh. */
    accessToken(resource) {
      const next = queue.then(async () => {
        const held = accessTokens.get(resource)
        if (held !== undefined && held.expiresAtMs > Date.now()) return held.value
        return (await askForTokens({ grant_type: 'refresh_token', refresh_token: refreshToken, resource })).access_token
      })
      queue = next.then(
        () => undefined,
        () => undefined,
      )
      return next
    },

    /** The person who is signed in, from the server's userinfo. */
    async person() {
      const { userinfo_endpoint } = await discover()
      const authorization = `Bearer ${await this.accessToken(resources[0])}`
      return (await fetch(userinfo_endpoint, { headers: { authorization } })).json()
    },

    /** Forgets the tokens and leaves for the server's sign-out page. */
    async signOut() {
      const { end_session_endpoint, revocation_endpoint } = await discover()
      const revoke = new URLSearchParams({ client_id: clientId, token: refreshToken, token_type_hint: 'refresh_token' })
      // The page drops its tokens whether or not this request arrives; the sign-out ends the grant as well.
      await fetch(revocation_endpoint, { method: 'POST', body: revoke }).catch(() => undefined)
      accessTokens.clear()
      refreshToken = ''
      const url = new URL(end_session_endpoint)
      url.search = new URLSearchParams({ client_id: clientId, post_logout_redirect_uri: signedOutUri }).toString()
      location.assign(url)
    },
  }
}

function checkAnswer(answer, saved, issuer) {
  if (saved.state === undefined || answer.get('state') !== saved.state) {
    throw new Error('This sign-in was not started in this tab.')
  }
  // Another server could have answered under the name of ours (RFC 9207 section 2.4).
  if (answer.get('iss') !== issuer) throw new Error('The response came from another authorization server.')
  if (answer.has('error')) throw new Error(`The sign-in ended without success: ${answer.get('error')}.`)
}

/**
 * It came directly from the token endpoint, so the connection authenticates it instead of its signature (OpenID Connect
 * Core section 3.1.3.7). Its claims are still checked.
 */
function readIdToken(idToken, { issuer, clientId, nonce }) {
  const bytes = Uint8Array.from(atob(idToken.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')), (c) =>
    c.charCodeAt(0),
  )
  const claims = JSON.parse(new TextDecoder().decode(bytes))
  const good =
    claims.iss === issuer &&
    claims.aud === clientId &&
    claims.nonce === nonce &&
    claims.exp * 1000 > Date.now() - 60_000
  if (!good) throw new Error('The ID token was not made for this sign-in.')
  return claims
}

function randomText() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)))
}

async function challengeOf(verifier) {
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))))
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
