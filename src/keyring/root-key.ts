/**
 * The key that seals all other keys.
 *
 * In production the operator provides it. In development it is generated at the first start and kept in a file that
 * only its owner can read; two processes that start together agree on one. During a replacement there are two keys, the
 * present and the new one, and every node accepts both.
 */

import { timingSafeEqual } from 'node:crypto'
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { ConfigInvalid } from '../faults/start.ts'
import { randomId } from '../base/ids.ts'
import type { Config } from '../config/config.ts'

const ROOT_KEY_BYTES = 32

export type RootKeySources = Pick<Config, 'rootKey' | 'nextRootKey' | 'keysDir' | 'production'>

const FILE = 'root.key'
const NEXT_FILE = 'root.key.next'

/**
 * The root key in use, generated if needed, and the next one if there is one; 32 bytes each.
 *
 * Reads the files at every call: a node learns of a replacement when it finds a ring that it cannot open. Throws
 * `ConfigInvalid` when there is no key in production, or when a file holds something else.
 */
export async function obtainRootKeys(config: RootKeySources): Promise<readonly Uint8Array[]> {
  const next =
    config.nextRootKey ??
    (config.rootKey === undefined ? await readRootKey(join(config.keysDir, NEXT_FILE)) : undefined)
  return [await obtainRootKey(config), ...(next === undefined ? [] : [next])]
}

/**
 * The root key to seal under from now on: the given one, or with key files a new one, kept with the old one until
 * `finishReplacement`. A repeated call after an interruption returns the same key.
 */
export async function prepareReplacement(config: RootKeySources): Promise<Uint8Array> {
  if (config.rootKey === undefined) {
    // Nodes look at one coming key only: the ring would be sealed under a file that none of them reads.
    if (config.nextRootKey !== undefined) throw new ConfigInvalid([NEXT_WITHOUT_FIRST])
    const path = join(config.keysDir, NEXT_FILE)
    // Gone as soon as it was there: another run has just put it in its place.
    return (await readRootKey(path)) ?? (await makeRootKey(config.keysDir, path)) ?? (await obtainRootKey(config))
  }
  if (config.nextRootKey !== undefined) return config.nextRootKey
  throw new ConfigInvalid([
    'GRANTOR_ROOT_KEY_NEXT is not set: give the coming root key to every node and to this command, then run it again.',
  ])
}

const NEXT_WITHOUT_FIRST =
  'GRANTOR_ROOT_KEY_NEXT is set, but the root key in use is a file: unset it, or give the text of that file as GRANTOR_ROOT_KEY.'

/** The new key file, under which the ring was sealed, takes the name of the old one. */
export async function finishReplacement(config: RootKeySources, rootKey: Uint8Array): Promise<void> {
  if (config.rootKey !== undefined) return
  const path = join(config.keysDir, NEXT_FILE)
  const next = await readRootKey(path)
  // A later run may have made another one meanwhile, under which nothing is sealed yet.
  if (next !== undefined && timingSafeEqual(next, rootKey)) await rename(path, join(config.keysDir, FILE)).catch(absent)
}

async function obtainRootKey(config: RootKeySources): Promise<Uint8Array> {
  if (config.rootKey !== undefined) return config.rootKey
  if (config.production) {
    throw new ConfigInvalid([
      'GRANTOR_ROOT_KEY is not set: in production no root key is made, give the same to every node.',
    ])
  }
  const path = join(config.keysDir, FILE)
  const key = (await readRootKey(path)) ?? (await makeRootKey(config.keysDir, path))
  if (key === undefined) throw new ConfigInvalid(['root.key was removed while the server started: start it again.'])
  return key
}

async function readRootKey(path: string): Promise<Uint8Array | undefined> {
  const text = await readFile(path, 'utf8').catch(absent)
  if (text === undefined) return undefined
  const key = Buffer.from(text.trim(), 'base64url')
  if (key.length === ROOT_KEY_BYTES && key.toString('base64url') === text.trim()) return key
  throw new ConfigInvalid([
    'root.key does not hold 32 bytes as base64url: put the right one back, or remove it together with the data directory to start with a new key.',
  ])
}

/** Whole before it has its name, and a name is given once: of two processes one makes the key, the other reads it. */
async function makeRootKey(directory: string, path: string): Promise<Uint8Array | undefined> {
  await mkdir(directory, { recursive: true })
  const draft = `${path}.${randomId(8)}`
  try {
    await writeDurably(draft, `${randomId(ROOT_KEY_BYTES)}\n`)
    await link(draft, path).catch(present)
  } finally {
    await rm(draft, { force: true })
  }
  return readRootKey(path)
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

function present(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
