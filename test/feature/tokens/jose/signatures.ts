/** Signatures that only a careless verifier takes for good. */

import { sign } from 'node:crypto'

import { type SigningKey, signatureOf } from '../../../resource/issuer.ts'
import { type Attack, inputFor, type Row, type Slot } from './slot.ts'

export function brokenSignatures({ slot }: Attack): Row[] {
  return slot.keys.flatMap((key) => [...ofAny(slot, key), ...ofKind(slot, key)])
}

function ofAny(slot: Slot, key: SigningKey): Row[] {
  const ways: Record<string, (bytes: Buffer) => Buffer> = {
    'one bit turned': (bytes) => turned(bytes),
    'first byte gone': (bytes) => bytes.subarray(1),
    'last byte gone': (bytes) => bytes.subarray(0, -1),
    'one zero more in front': (bytes) => Buffer.concat([Buffer.alloc(1), bytes]),
    'one zero more at the end': (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]),
    'twice in a row': (bytes) => Buffer.concat([bytes, bytes]),
    'all zeros': (bytes) => Buffer.alloc(bytes.length),
    'all ones': (bytes) => Buffer.alloc(bytes.length, 0xff),
    'one byte': () => Buffer.alloc(1, 1),
  }
  const altered = Object.entries(ways).map(([name, way]) => row(slot, key, name, way))
  const [header, , signature] = signed(slot, key).split('.')
  const other = Buffer.from(JSON.stringify({ ...slot.claims(key), sub: 'somebody-else' })).toString('base64url')
  return [...altered, { name: `other claims (${key.alg})`, key, token: `${header}.${other}.${signature}` }]
}

function ofKind(slot: Slot, key: SigningKey): Row[] {
  if (key.alg === 'ES256') return ofCurve(slot, key)
  if (key.alg === 'PS256') return [withoutLeadingZero(slot, key)]
  if (key.alg !== 'EdDSA') return []
  return [
    // RFC 8032 section 5.1.7: S must be below the order.
    row(slot, key, 'S plus the order', (bytes) => withS(bytes, (s) => s + ED_ORDER)),
    row(slot, key, 'S zero', (bytes) => withS(bytes, () => 0n)),
    // The neutral point as R, and S zero: holds under keys of small order.
    row(slot, key, 'R neutral, S zero', () => Buffer.concat([Buffer.from([1]), Buffer.alloc(63)])),
  ]
}

/** RFC 8017 section 8.1.2 step 1: as long as the modulus. As a number it is the same, and OpenSSL takes it. */
function withoutLeadingZero(slot: Slot, key: SigningKey): Row {
  const input = inputFor(slot, key)
  let signature = signatureOf(input, key)
  // Each is salted anew, and one of 256 begins so.
  while (signature[0] !== 0) signature = signatureOf(input, key)
  return {
    name: `leading zero left out (${key.alg})`,
    key,
    token: `${input}.${signature.subarray(1).toString('base64url')}`,
  }
}

const ED_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
const P256_ORDER = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')

/** r and s are 1 to n-1, 32 bytes each (RFC 7518 section 3.4). CVE-2022-21449 is what happens to who does not look. */
function ofCurve(slot: Slot, key: SigningKey): Row[] {
  const [zero, one] = [Buffer.alloc(32), Buffer.from([...Buffer.alloc(31), 1])]
  const pairs: Record<string, (r: Buffer, s: Buffer) => Buffer[]> = {
    'r zero': (_r, s) => [zero, s],
    's zero': (r) => [r, zero],
    'r and s zero': () => [zero, zero],
    'r and s the order': () => [P256_ORDER, P256_ORDER],
    'r the order': (_r, s) => [P256_ORDER, s],
    's the order': (r) => [r, P256_ORDER],
    'r and s one': () => [one, one],
    'r and s exchanged': (r, s) => [s, r],
    'r alone': (r) => [r],
    'r and s of 48 bytes': (r, s) => [Buffer.alloc(16), r, Buffer.alloc(16), s],
  }
  const input = inputFor(slot, key)
  const der = sign('sha256', Buffer.from(input), key.privateKey)
  return [
    ...Object.entries(pairs).map(([name, pair]) =>
      row(slot, key, name, (bytes) => Buffer.concat(pair(bytes.subarray(0, 32), bytes.subarray(32)))),
    ),
    { name: 'in DER (ES256)', key, token: `${input}.${der.toString('base64url')}` },
    {
      name: 'zeros in DER (ES256)',
      key,
      token: `${input}.${Buffer.from([0x30, 6, 2, 1, 0, 2, 1, 0]).toString('base64url')}`,
    },
  ]
}

function row(slot: Slot, key: SigningKey, name: string, change: (bytes: Buffer) => Buffer): Row {
  const input = inputFor(slot, key)
  return {
    name: `${name} (${key.alg})`,
    key,
    token: `${input}.${change(signatureOf(input, key)).toString('base64url')}`,
  }
}

function signed(slot: Slot, key: SigningKey): string {
  const input = inputFor(slot, key)
  return `${input}.${signatureOf(input, key).toString('base64url')}`
}

function turned(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  copy[0] = (copy[0] ?? 0) ^ 1
  return copy
}

function withS(signature: Buffer, change: (s: bigint) => bigint): Buffer {
  const copy = Buffer.from(signature)
  const s = change(BigInt(`0x${Buffer.from(copy.subarray(32)).reverse().toString('hex')}`))
  Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse().copy(copy, 32)
  return copy
}
