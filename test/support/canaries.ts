/**
 * Secrets that are looked for where none may be: in what a store holds and in what is logged.
 *
 * A secret counts as found in clear, and in base64, base64url or hex of it, also where something else stands before and
 * after it in the same encoding (as in `Basic`, which encodes a client id and its secret together).
 */

export interface Canaries {
  /** From now on this is a secret; texts too short to be one by themselves are refused. */
  plant(name: string, secret: string): string
  /** The names of the secrets that stand somewhere in these bytes. */
  foundIn(bytes: Buffer): string[]
  readonly count: number
}

const SHORTEST = 12

export function createCanaries(): Canaries {
  const disguises = new Map<string, { readonly name: string; readonly forms: readonly Buffer[] }>()

  return {
    plant(name, secret) {
      if (secret.length < SHORTEST) throw new TypeError(`too short to be looked for: ${name}`)
      if (!disguises.has(secret)) disguises.set(secret, { name, forms: formsOf(secret) })
      return secret
    },

    foundIn(bytes) {
      const found = [...disguises.values()].filter(({ forms }) => forms.some((form) => bytes.includes(form)))
      return found.map(({ name }) => name)
    },

    get count() {
      return disguises.size
    },
  }
}

function formsOf(secret: string): Buffer[] {
  const plain = Buffer.from(secret)
  const texts = [plain.toString('hex'), plain.toString('hex').toUpperCase(), encodeURIComponent(secret)]
  for (let before = 0; before < 3; before++) {
    const encoded = Buffer.concat([Buffer.alloc(before), plain])
      .toString('base64')
      .replace(/=+$/, '')
    // The characters at both ends carry bits of the neighbours.
    const own = encoded.slice(Math.ceil((before * 4) / 3), Math.floor(((before + plain.length) * 4) / 3))
    texts.push(own, own.replaceAll('+', '-').replaceAll('/', '_'))
  }
  return [plain, ...[...new Set(texts)].map((text) => Buffer.from(text))]
}
