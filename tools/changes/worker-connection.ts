/** A connection to one certain process of several that share a port, so that each of them can be asked. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { Agent, type ClientRequest, request } from 'node:http'

export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

export interface Credentials {
  readonly id: string
  readonly secret: string
}

export interface WorkerConnection {
  post(path: string, form: Readonly<Record<string, string>>, client?: Credentials): Promise<Answer>
  close(): void
}

const TRIES = 100

/** Connections are given to workers in turns: a new one is opened until the wanted process has it. */
export function connectTo(url: string, pid: number): WorkerConnection {
  let agent = new Agent({ keepAlive: true, maxSockets: 1 })

  async function post(path: string, form: Readonly<Record<string, string>>, client?: Credentials): Promise<Answer> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const answer = await send(path, form, client)
      if (answer !== undefined) return answer
      agent.destroy()
      agent = new Agent({ keepAlive: true, maxSockets: 1 })
    }
    throw new Error(`no connection to process ${pid} at ${url}`)
  }

  /** `undefined` where another process has the connection, or where it was closed while it rested. */
  function send(
    path: string,
    form: Readonly<Record<string, string>>,
    client: Credentials | undefined,
  ): Promise<Answer | undefined> {
    const body = new URLSearchParams(form).toString()
    const authorization = client && `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': body.length,
      ...(authorization && { authorization }),
    }
    return new Promise((resolve, reject) => {
      const asked: ClientRequest = request(`${url}${path}`, { method: 'POST', agent, headers }, (response) => {
        const isOurs = asked.reusedSocket || processOf(asked.socket?.localPort ?? 0, Number(new URL(url).port), pid)
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          resolve(isOurs ? { status: response.statusCode ?? 0, body: text === '' ? {} : JSON.parse(text) } : undefined)
        })
      })
      asked.on('error', (error) => (asked.reusedSocket ? resolve(undefined) : reject(error)))
      asked.end(body)
    })
  }

  return { post, close: () => agent.destroy() }
}

/** Whether this process has the server's end of the connection from a port. Linux only. */
function processOf(clientPort: number, serverPort: number, pid: number): boolean {
  const lines = ['tcp', 'tcp6'].flatMap((name) => readFileSync(`/proc/net/${name}`, 'utf8').split('\n'))
  const line = lines.find((one) => {
    const [, local = '', remote = ''] = one.trim().split(/\s+/)
    return portOf(local) === serverPort && portOf(remote) === clientPort
  })
  const inode = line?.trim().split(/\s+/)[9]
  return inode !== undefined && socketsOf(pid).has(`socket:[${inode}]`)
}

function portOf(address: string): number {
  return Number.parseInt(address.slice(address.lastIndexOf(':') + 1), 16)
}

function socketsOf(pid: number): Set<string> {
  const folder = `/proc/${pid}/fd`
  return new Set(
    readdirSync(folder).map((name) => {
      try {
        return readlinkSync(`${folder}/${name}`)
      } catch {
        // Closed in between.
        return ''
      }
    }),
  )
}
