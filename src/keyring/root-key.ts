/**
 * The key that seals everything else.
 *
 * In production the operator gives it. In development it is made at the first start and kept in a file that only its
 * owner can read; two processes that start together agree on one.
 */

import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { ConfigInvalid } from '../base/faults.ts'
import { randomId } from '../base/ids.ts'
import type { Config } from '../config/config.ts'

const ROOT_KEY_BYTES = 32

/** 32 bytes. Throws `ConfigInvalid` when there is none in production, or when the file holds something else. */
export async function obtainRootKey(config: Pick<Config, 'rootKey' | 'keysDir' | 'production'>): Promise<Uint8Array> {
  if (config.rootKey !== undefined) return config.rootKey
  if (config.production) {
    throw new ConfigInvalid([
      'GRANTOR_ROOT_KEY is not set: in production no root key is made, give the same to every node.',
    ])
  }
  const path = join(config.keysDir, 'root.key')
  return (await readRootKey(path)) ?? (await makeRootKey(config.keysDir, path))
}

async function readRootKey(path: string): Promise<Uint8Array | undefined> {
  const text = await readFile(path, 'utf8').catch(absent)
  if (text === undefined) return undefined
  const key = Buffer.from(text.trim(), 'base64url')
  if (key.length === ROOT_KEY_BYTES && key.toString('base64url') === text.trim()) return key
  throw new ConfigInvalid([
    'root.key does not hold 32 bytes as base64url: put the right one back, or remove it together with the data directory to start anew.',
  ])
}

/** Whole before it has its name, and a name is given once: of two processes one makes the key, the other reads it. */
async function makeRootKey(directory: string, path: string): Promise<Uint8Array> {
  await mkdir(directory, { recursive: true })
  const draft = `${path}.${randomId(8)}`
  try {
    await writeDurably(draft, `${randomId(ROOT_KEY_BYTES)}\n`)
    await link(draft, path).catch(present)
  } finally {
    await rm(draft, { force: true })
  }
  const key = await readRootKey(path)
  if (key === undefined) throw new ConfigInvalid(['root.key was removed while the server started: start it again.'])
  return key
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
