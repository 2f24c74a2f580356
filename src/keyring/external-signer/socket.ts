/**
 * The signer behind a Unix socket: one JSON object a line, each answered by one with the same `id`.
 *
 * The permissions of the socket's folder decide who may connect. src/samples/signing-process is the other end, and
 * docs/external-signer.md describes the lines.
 */

import { connect, type Socket } from 'node:net'
import type { JWK } from 'jose'

import type { ExternalSigner } from './external-signer.ts'

/** Longer than any valid answer. A peer that sends more is not a signer. */
const LONGEST_LINE = 65_536

export function socketSigner(path: string): ExternalSigner {
  let line: Line | undefined
  let opening: Promise<Line> | undefined

  return {
    async createKey(algorithm, signal) {
      const { key_ref: keyRef, public_jwk: publicJwk } = await ask({ do: 'create', algorithm }, signal)
      if (typeof keyRef !== 'string' || typeof publicJwk !== 'object' || publicJwk === null) throw malformed()
      return { keyRef, publicJwk: publicJwk as JWK }
    },

    async sign({ keyRef, algorithm, data }, signal) {
      const request = { do: 'sign', key_ref: keyRef, algorithm, data: Buffer.from(data).toString('base64url') }
      const { signature } = await ask(request, signal)
      if (typeof signature !== 'string' || signature === '') throw malformed()
      return Buffer.from(signature, 'base64url')
    },

    async destroyKey(keyRef, signal) {
      await ask({ do: 'destroy', key_ref: keyRef }, signal)
    },

    // A signer that ends closes the connection. A signer that hangs has it closed by the first late call. So an open
    // connection needs no check.
    async check(signal) {
      if (line?.isOpen() !== true) await ask({ do: 'ping' }, signal)
    },

    close() {
      line?.end(new Error('this server stops'))
    },
  }

  async function ask(request: object, signal: AbortSignal): Promise<Record<string, unknown>> {
    const open = await connection()
    const hangUp = () => open.end(new Error('the signing process is late'))
    signal.addEventListener('abort', hangUp, { once: true })
    try {
      return await open.ask(request)
    } finally {
      signal.removeEventListener('abort', hangUp)
    }
  }

  /** One connection for all calls. A call that finds it closed opens the next one, and the other calls wait for it. */
  async function connection(): Promise<Line> {
    if (line?.isOpen() === true) return line
    opening ??= openLine(path).finally(() => {
      opening = undefined
    })
    line = await opening
    return line
  }
}

interface Line {
  isOpen(): boolean
  ask(request: object): Promise<Record<string, unknown>>
  end(reason: Error): void
}

interface Waiting {
  readonly resolve: (answer: Record<string, unknown>) => void
  readonly reject: (error: Error) => void
}

async function openLine(path: string): Promise<Line> {
  const socket = await connected(path)
  const waiting = new Map<number, Waiting>()
  let asked = 0
  let open = true
  let rest = ''

  socket.setEncoding('utf8')
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const one of lines) answer(one)
    if (rest.length > LONGEST_LINE) end(malformed())
  })
  socket.on('error', end)
  socket.on('close', () => end(new Error('the signing process closed the connection')))
  // An idle connection keeps no command from ending.
  socket.unref()
  return {
    isOpen: () => open,
    end,
    ask(request) {
      return new Promise((resolve, reject) => {
        if (!open) {
          reject(new Error('the signing process closed the connection'))
          return
        }
        asked += 1
        waiting.set(asked, { resolve, reject })
        socket.ref()
        socket.write(`${JSON.stringify({ id: asked, ...request })}\n`)
      })
    },
  }

  function answer(text: string): void {
    const { id, error, ...rest } = parsed(text)
    const caller = waiting.get(id as number)
    if (caller === undefined) {
      end(malformed())
      return
    }
    waiting.delete(id as number)
    if (waiting.size === 0) socket.unref()
    if (error === undefined) caller.resolve(rest)
    else caller.reject(new Error(`the signing process refused: ${JSON.stringify(error).slice(0, 200)}`))
  }

  function end(reason: Error): void {
    if (!open) return
    open = false
    socket.destroy()
    for (const { reject } of waiting.values()) reject(reason)
    waiting.clear()
  }
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function malformed(): Error {
  return new Error('the signing process answered something else than it was asked')
}
