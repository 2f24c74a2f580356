/**
 * Explains and checks the JWT in the text field. The token stays in this page: the one request is for the public keys of
 * this server. What the token says goes in as text, never as HTML.
 */

const element = (id) => document.getElementById(id)
const texts = JSON.parse(element('inspector').dataset.texts)

// By `alg`: how WebCrypto imports the public key, and how it verifies (RFC 7518 section 3, RFC 8037).
const ALGORITHMS = {
  RS256: [{ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, { name: 'RSASSA-PKCS1-v1_5' }],
  PS256: [
    { name: 'RSA-PSS', hash: 'SHA-256' },
    { name: 'RSA-PSS', saltLength: 32 },
  ],
  ES256: [
    { name: 'ECDSA', namedCurve: 'P-256' },
    { name: 'ECDSA', hash: 'SHA-256' },
  ],
  EdDSA: [{ name: 'Ed25519' }, { name: 'Ed25519' }],
}
const MOMENTS = ['exp', 'nbf', 'iat', 'auth_time']

const field = element('token')
field.addEventListener('input', () => void show(field.value.trim()))
// A browser may fill the field again when it comes back to the page.
if (field.value.trim() !== '') void show(field.value.trim())

async function show(token) {
  const { problem, jwt } = read(token)
  element('parts').hidden = jwt === undefined
  if (jwt === undefined) return say('verdict', token === '' ? '' : problem)

  for (const part of ['header', 'payload', 'signature']) element(`text-${part}`).textContent = jwt.encoded[part]
  list('members-header', jwt.header)
  list('members-payload', jwt.payload)
  say('about-signature', fill(texts.signatureIs, { bytes: jwt.signature.length }))
  const times = timesOf(jwt.payload)
  say('check-times', times)
  const isHere = jwt.payload.iss === texts.issuerHere
  say('check-issuer', isHere ? texts.here : fill(texts.elsewhere, { issuer: texts.issuerHere }))
  say('check-signature', '…')
  const verdict = fill(texts.verdicts[await check(jwt)], { alg: String(jwt.header.alg) })
  // The field may hold another token by now.
  if (field.value.trim() !== token) return
  say('check-signature', verdict)
  say('verdict', `${verdict} ${times}`)
}

function read(token) {
  const parts = token.split('.')
  if (parts.length !== 3 || !/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)) return { problem: texts.notAJwt }
  const [header, payload, signature] = parts
  try {
    const jwt = { header: toObject(header), payload: toObject(payload), signature: toBytes(signature) }
    return { jwt: { ...jwt, encoded: { header, payload, signature } } }
  } catch {
    return { problem: texts.notJson }
  }
}

function toBytes(part) {
  const text = atob(part.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

function toObject(part) {
  const value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(toBytes(part)))
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new TypeError('not an object')
  return value
}

/** The name of a verdict. */
async function check({ header, signature, encoded }) {
  const { alg, kid } = header
  if (alg === 'none' || signature.length === 0) return 'unsigned'
  if (/^HS\d+$/.test(alg)) return 'shared'
  if (!Object.hasOwn(ALGORITHMS, alg)) return 'otherAlgorithm'
  const keys = await fetchKeys()
  if (keys === undefined) return 'noKeys'
  const jwk = keys.find((key) => key.kid === kid && key.alg === alg)
  if (jwk === undefined) return 'unknownKey'
  const [forKey, forSignature] = ALGORITHMS[alg]
  const input = new TextEncoder().encode(`${encoded.header}.${encoded.payload}`)
  try {
    // WebCrypto needs no more of the key than its material, and refuses names of algorithms that it does not know.
    const { kty, crv, n, e, x, y } = jwk
    const key = await crypto.subtle.importKey('jwk', { kty, crv, n, e, x, y }, forKey, false, ['verify'])
    return (await crypto.subtle.verify(forSignature, key, signature, input)) ? 'holds' : 'forged'
  } catch {
    return 'noCrypto'
  }
}

async function fetchKeys() {
  try {
    const response = await fetch('/jwks')
    return response.ok ? (await response.json()).keys : undefined
  } catch {
    return undefined
  }
}

function timesOf({ exp, nbf }) {
  const now = Date.now() / 1000
  if (typeof exp !== 'number') return texts.noExpiry
  if (exp <= now) return texts.expired
  return typeof nbf === 'number' && nbf > now ? texts.early : texts.inTime
}

function list(id, members) {
  const rows = Object.entries(members).map(([name, value]) => {
    const row = document.createElement('div')
    const meaning = Object.hasOwn(texts.members, name) ? texts.members[name] : texts.otherMember
    row.append(withText('dt', name), withText('dd', shown(name, value)))
    row.lastChild.append(withText('span', meaning, 'meaning'))
    return row
  })
  element(id).replaceChildren(...rows)
}

function shown(name, value) {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  if (!MOMENTS.includes(name) || !Number.isSafeInteger(value) || Math.abs(value) > 8.64e12) return text
  return `${text} (${new Date(value * 1000).toLocaleString(document.documentElement.lang)})`
}

function withText(tag, text, className = '') {
  const made = document.createElement(tag)
  made.textContent = text
  made.className = className
  return made
}

function say(id, text) {
  element(id).textContent = text
}

function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole)
}
