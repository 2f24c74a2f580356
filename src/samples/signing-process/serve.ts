/** The keys behind a Unix socket: a JSON object a line, answered by one with the same `id`, in whatever order. */

import { chmod, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

import { KeyRefused, type Keys } from './keys.ts'

export interface Serving {
  close(): Promise<void>
}

export async function serveKeys(keys: Keys, path: string): Promise<Serving> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => {})
    createInterface({ input: socket }).on('line', (line) => {
      void answer(keys, line).then((text) => socket.writable && socket.write(`${text}\n`))
    })
  })

  await makeRoom(path)
  // Before the mode is set, no other user may connect either.
  const before = process.umask(0o177)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  }).finally(() => process.umask(before))
  await chmod(path, 0o600)

  return {
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Removes the socket of a process that was killed. If a process answers there, this one must not start. */
async function makeRoom(path: string): Promise<void> {
  const inUse = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(false))
  })
  if (inUse) throw new Error(`${path} is in use by another process.`)
  await rm(path, { force: true })
}

interface Request {
  readonly id?: unknown
  readonly do?: unknown
  readonly key_ref?: unknown
  readonly algorithm?: unknown
  readonly data?: unknown
}

async function answer(keys: Keys, line: string): Promise<string> {
  let id: unknown
  try {
    const request = JSON.parse(line) as Request
    id = request.id
    return JSON.stringify({ id, ...(await carryOut(keys, request)) })
  } catch (error) {
    // What went wrong inside stays inside.
    return JSON.stringify({ id, error: error instanceof KeyRefused ? error.message : 'it could not be done' })
  }
}

async function carryOut(keys: Keys, { do: what, key_ref: keyRef, algorithm, data }: Request): Promise<object> {
  switch (what) {
    case 'ping':
      return {}
    case 'create': {
      const made = await keys.create(String(algorithm))
      return { key_ref: made.keyRef, public_jwk: made.publicJwk }
    }
    case 'sign': {
      const signed = await keys.sign(String(keyRef), String(algorithm), Buffer.from(String(data), 'base64url'))
      return { signature: Buffer.from(signed).toString('base64url') }
    }
    case 'destroy':
      await keys.destroy(String(keyRef))
      return {}
    default:
      throw new KeyRefused('no such request')
  }
}
