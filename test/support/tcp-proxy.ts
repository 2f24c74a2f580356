/**
 * A network that can be made bad: a loopback proxy between a store and its Redis.
 *
 * It delays, swallows, cuts, and watches requests go by, to lose the reply to one of them or to hold one back.
 */

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  readonly url: string
  /** Delays everything from now on by this much, in each direction. */
  delay(latencyMs: number): void
  /** A black hole: connections stay and are accepted, and nothing goes through, until `resume`. */
  pause(): void
  resume(): void
  /** Cuts every connection (RST). */
  reset(): void
  /** Lets the next request that matches reach Redis, and cuts its connection before the reply. Resolves then. */
  loseReplyTo(request: RegExp): Promise<void>
  /** Holds the next request that matches, and all after it on its connection. `reached` resolves when it is held. */
  hold(request: RegExp): Held
  /** Lets the next request that matches reach Redis, and holds the reply. `reached` resolves when that has come. */
  holdReplyTo(request: RegExp): Held
  close(): Promise<void>
}

export interface Held {
  readonly reached: Promise<void>
  /** Lets what was held go on; one that has not come yet will not be held. */
  release(): void
}

/** Waits for its request, and then decides about the connection that it came on. */
interface Trap {
  readonly request: RegExp
  spring(link: Link): void
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const links = new Set<Link>()
  const traps: Trap[] = []
  let latencyMs = 0
  let isPaused = false

  const server = createServer((client) => {
    const link = new Link(client, connect(targetPort, '127.0.0.1'), () => latencyMs)
    links.add(link)
    link.onRequest = (text) => {
      const i = traps.findIndex(({ request }) => request.test(text))
      if (i >= 0) traps.splice(i, 1)[0]?.spring(link)
    }
    link.onEnd = () => void links.delete(link)
    if (isPaused) link.pause()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }

  function holding(request: RegExp, hold: (link: Link, reached: () => void) => () => void): Held {
    let letGo: (() => void) | undefined
    const { promise: reached, resolve } = Promise.withResolvers<void>()
    const trap: Trap = {
      request,
      spring(link) {
        letGo = hold(link, resolve)
      },
    }
    traps.push(trap)
    return {
      reached,
      release() {
        if (traps.includes(trap)) traps.splice(traps.indexOf(trap), 1)
        letGo?.()
      },
    }
  }

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    delay(ms) {
      latencyMs = ms
    },
    pause() {
      isPaused = true
      for (const link of links) link.pause()
    },
    resume() {
      isPaused = false
      for (const link of links) link.resume()
    },
    reset() {
      for (const link of links) link.cut()
    },
    loseReplyTo(request) {
      return new Promise((resolve) => {
        traps.push({ request, spring: (link) => link.cutAtReply(resolve) })
      })
    },
    hold(request) {
      return holding(request, (link, reached) => {
        link.holdRequests()
        reached()
        return () => link.releaseRequests()
      })
    },
    holdReplyTo(request) {
      return holding(request, (link, reached) => {
        link.holdReplies(reached)
        return () => link.releaseReplies()
      })
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const link of links) link.cut()
      await closed
    },
  }
}

/** One connection through the proxy. */
class Link {
  onRequest: (text: string) => void = () => undefined
  onEnd: () => void = () => undefined
  readonly #client: Socket
  readonly #target: Socket
  readonly #latencyMs: () => number
  #held: Buffer[] | undefined
  #heldReplies: Buffer[] | undefined
  #onHeldReply: () => void = () => undefined
  #atReply: (() => void) | undefined

  constructor(client: Socket, target: Socket, latencyMs: () => number) {
    this.#client = client
    this.#target = target
    this.#latencyMs = latencyMs
    client.on('data', (chunk) => this.#request(chunk))
    target.on('data', (chunk) => this.#reply(chunk))
    for (const socket of [client, target]) {
      socket.on('error', () => this.cut())
      socket.on('close', () => this.cut())
    }
  }

  pause(): void {
    this.#client.pause()
    this.#target.pause()
  }

  resume(): void {
    this.#client.resume()
    this.#target.resume()
  }

  cut(): void {
    this.#client.resetAndDestroy()
    this.#target.destroy()
    this.onEnd()
  }

  cutAtReply(cut: () => void): void {
    this.#atReply = cut
  }

  holdRequests(): void {
    this.#held ??= []
  }

  releaseRequests(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const chunk of held) this.#later(this.#target, chunk)
  }

  /** From the next reply on; `reached` is told of the first. */
  holdReplies(reached: () => void): void {
    this.#heldReplies ??= []
    this.#onHeldReply = reached
  }

  releaseReplies(): void {
    const held = this.#heldReplies ?? []
    this.#heldReplies = undefined
    for (const chunk of held) this.#later(this.#client, chunk)
  }

  #request(chunk: Buffer): void {
    this.onRequest(chunk.toString('latin1'))
    if (this.#held === undefined) this.#later(this.#target, chunk)
    else this.#held.push(chunk)
  }

  #reply(chunk: Buffer): void {
    if (this.#heldReplies !== undefined) {
      this.#heldReplies.push(chunk)
      this.#onHeldReply()
      return
    }
    if (this.#atReply === undefined) {
      this.#later(this.#client, chunk)
      return
    }
    this.cut()
    this.#atReply()
  }

  /** Chunks keep their order: timers of one length fire in the order in which they were set. */
  #later(socket: Socket, chunk: Buffer): void {
    const send = () => {
      if (socket.writable) socket.write(chunk)
    }
    const latencyMs = this.#latencyMs()
    if (latencyMs === 0) send()
    else setTimeout(send, latencyMs)
  }
}
