/**
 * The keys and their signatures. No private key leaves this file.
 *
 * A signature has the form that a JWS needs (RFC 7518 section 3, RFC 8037, RFC 9964). Most adapters for key services
 * have to convert here, because those return ECDSA signatures in DER.
 */

import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
  sign,
  type SignKeyObjectInput,
} from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { promisify } from 'node:util'

export interface Keys {
  size(): number
  create(algorithm: string): Promise<{ readonly keyRef: string; readonly publicJwk: JsonWebKey }>
  /** Throws `KeyRefused` for a key that is not here, and for an algorithm that the key was not made for. */
  sign(keyRef: string, algorithm: string, data: Uint8Array): Promise<Uint8Array>
  destroy(keyRef: string): Promise<void>
}

/** The message is for the caller. */
export class KeyRefused extends Error {
  override readonly name = 'KeyRefused'
}

/** Reads the keys from the file and keeps them there, for its owner's eyes only; without a file, in memory. */
export async function openKeys(file?: string): Promise<Keys> {
  const held = file === undefined ? new Map<string, HeldKey>() : await readKeys(file)
  let saving = Promise.resolve()

  return {
    size: () => held.size,

    async create(algorithm) {
      const key = await generate(algorithm)
      const keyRef = randomBytes(12).toString('hex')
      held.set(keyRef, { algorithm, key })
      await save()
      return { keyRef, publicJwk: createPublicKey(key).export({ format: 'jwk' }) }
    },

    async sign(keyRef, algorithm, data) {
      const found = held.get(keyRef)
      if (found === undefined) throw new KeyRefused('no such key')
      if (found.algorithm !== algorithm) throw new KeyRefused(`the key is for ${found.algorithm}`)
      return signature(found, data)
    },

    async destroy(keyRef) {
      if (held.delete(keyRef)) await save()
    },
  }

  /** One after the other, each with all that is held then, so that no save undoes another. */
  async function save(): Promise<void> {
    if (file === undefined) return
    saving = saving.then(() => writeKeys(file, held))
    await saving
  }
}

interface HeldKey {
  readonly algorithm: string
  readonly key: KeyObject
}

const generateKey = promisify(generateKeyPair) as (
  type: string,
  options: object,
) => Promise<{ readonly privateKey: KeyObject }>

async function generate(algorithm: string): Promise<KeyObject> {
  const { privateKey } = await pairFor(algorithm)
  return privateKey
}

function pairFor(algorithm: string): Promise<{ readonly privateKey: KeyObject }> {
  switch (algorithm) {
    case 'RS256':
    case 'PS256':
      return generateKey('rsa', { modulusLength: 2048 })
    case 'ES256':
      return generateKey('ec', { namedCurve: 'P-256' })
    case 'EdDSA':
      return generateKey('ed25519', {})
    case 'ML-DSA-65':
      return generateKey('ml-dsa-65', {})
    default:
      throw new KeyRefused(`no keys for ${algorithm}`)
  }
}

const { RSA_PKCS1_PSS_PADDING } = constants

/** In the thread pool, so that several cores sign at once. */
function signature({ algorithm, key }: HeldKey, data: Uint8Array): Promise<Uint8Array> {
  const hash = ['EdDSA', 'ML-DSA-65'].includes(algorithm) ? null : 'sha256'
  const form: SignKeyObjectInput = {
    key,
    ...(algorithm === 'ES256' ? { dsaEncoding: 'ieee-p1363' } : {}),
    ...(algorithm === 'PS256' ? { padding: RSA_PKCS1_PSS_PADDING, saltLength: 32 } : {}),
  }
  return new Promise((resolve, reject) => {
    sign(hash, data, form, (error, made) => (error === null ? resolve(made) : reject(error)))
  })
}

/** A map from the key's name to its algorithm and its PKCS #8 text. */
type KeysFile = Record<string, { readonly algorithm: string; readonly pem: string }>

async function readKeys(file: string): Promise<Map<string, HeldKey>> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    return '{}'
  })
  const entries = Object.entries(JSON.parse(text) as KeysFile)
  return new Map(entries.map(([keyRef, { algorithm, pem }]) => [keyRef, { algorithm, key: createPrivateKey(pem) }]))
}

/** Whole and on the disk before it has the file's name. */
async function writeKeys(file: string, held: ReadonlyMap<string, HeldKey>): Promise<void> {
  const content = Object.fromEntries(
    [...held].map(([keyRef, { algorithm, key }]) => {
      return [keyRef, { algorithm, pem: key.export({ format: 'pem', type: 'pkcs8' }) }]
    }),
  )
  const draft = `${file}.draft`
  const handle = await open(draft, 'w', 0o600)
  try {
    await handle.writeFile(JSON.stringify(content))
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(draft, file)
}
