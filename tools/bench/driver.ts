/**
 * The load: connections that each send a request, wait for the answer, and send the next.
 *
 * Raw sockets and a parser of a few lines, because whatever the driver burns is taken from the server on a machine of
 * two cores. It believes what our own servers send: HTTP/1.1, keep-alive, Content-Length.
 */

import { connect, type Socket } from 'node:net'

export interface Answer {
  readonly status: number
  readonly body: string
}

/** One connection's next request, made from its last answer; `undefined` when it has no more to send. */
export type NextRequest = (last: Answer | undefined) => Buffer | undefined

export interface Driven {
  readonly requests: number
  readonly elapsedSeconds: number
  readonly latenciesMs: readonly number[]
}

/** Opens connections, one for each way of making requests, before anything is measured. */
export async function openConnections(port: number, requests: readonly NextRequest[]): Promise<Connection[]> {
  return Promise.all(requests.map((next) => Connection.open(port, next)))
}

/** Drives until every connection has no more to send, or `seconds` are over. Throws at the first refused request. */
export async function drive(connections: readonly Connection[], seconds: number): Promise<Driven> {
  const startedMs = performance.now()
  const latencies = await Promise.all(connections.map((connection) => connection.run(startedMs + seconds * 1000)))
  const elapsedSeconds = (performance.now() - startedMs) / 1000
  const latenciesMs = latencies.flat()
  return { requests: latenciesMs.length, elapsedSeconds, latenciesMs }
}

const HEAD_END = Buffer.from('\r\n\r\n')
const STATUS_AT = 'HTTP/1.1 '.length

export class Connection {
  readonly #socket: Socket
  readonly #next: NextRequest
  #received: Buffer = Buffer.alloc(0)
  #answer: Answer | undefined
  #sentAtMs = 0
  #untilMs = 0
  #latenciesMs: number[] = []
  #finish: (latenciesMs: number[]) => void = () => undefined
  #fail: (error: Error) => void = () => undefined

  static async open(port: number, next: NextRequest): Promise<Connection> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new Connection(socket, next)
  }

  constructor(socket: Socket, next: NextRequest) {
    this.#socket = socket
    this.#next = next
    socket.on('data', (chunk) => this.#receive(chunk))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the server closed a connection')))
  }

  /** The last one that came. */
  get answer(): Answer | undefined {
    return this.#answer
  }

  /** Resolves with the latency of each request. */
  run(untilMs: number): Promise<number[]> {
    this.#untilMs = untilMs
    this.#latenciesMs = []
    return new Promise((resolve, reject) => {
      this.#finish = resolve
      this.#fail = reject
      this.#send()
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #send(): void {
    this.#sentAtMs = performance.now()
    const request = this.#sentAtMs < this.#untilMs ? this.#next(this.#answer) : undefined
    if (request === undefined) this.#finish(this.#latenciesMs)
    else this.#socket.write(request)
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    const headEnd = this.#received.indexOf(HEAD_END)
    if (headEnd < 0) return
    const head = this.#received.toString('latin1', 0, headEnd)
    const bodyStart = headEnd + HEAD_END.length
    const bodyEnd = bodyStart + contentLength(head)
    if (this.#received.length < bodyEnd) return

    const body = this.#received.toString('latin1', bodyStart, bodyEnd)
    this.#received = this.#received.subarray(bodyEnd)
    this.#latenciesMs.push(performance.now() - this.#sentAtMs)
    this.#answer = { status: Number(head.slice(STATUS_AT, STATUS_AT + 3)), body }
    if (this.#answer.status === 200) this.#send()
    else this.#fail(new Error(`a request was answered with ${head}\n\n${body}`))
  }
}

function contentLength(head: string): number {
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
  if (length === undefined) throw new Error(`an answer without Content-Length:\n${head}`)
  return Number(length)
}
