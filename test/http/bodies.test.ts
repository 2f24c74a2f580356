import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { listEngineRoutes } from '../support/routes.ts'
import { type Running, start } from '../support/start.ts'
import { expectFigure } from '../support/figures.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

describe('request bodies', () => {
  let app: Running
  beforeAll(async () => {
    app = await start()
  })
  afterAll(() => app.close())

  const posts = listEngineRoutes().filter(({ methods }) => methods.includes('POST'))

  it.each(posts)('[S155] $path refuses more than 56 kB', async ({ path }) => {
    const response = await fetch(app.issuer + path, { method: 'POST', headers: FORM, body: `a=${'b'.repeat(60_000)}` })

    // 401 where who asks is looked at first.
    expect([400, 401, 413]).toContain(response.status)
  })

  it.each([...posts.map(({ path }) => path), '/interaction/unknown/login'])(
    '[S155] %s cuts an endless chunked body off and buffers little of it',
    async (path) => {
      const before = process.memoryUsage().arrayBuffers
      const { head, sent } = await pour(path)

      expect(head).toMatch(/^HTTP\/1\.1 (400|401|413)/)
      expect(sent).toBeLessThan(8 * 1024 * 1024)
      expectFigure(
        `bytes held of an endless body to ${path}`,
        process.memoryUsage().arrayBuffers - before,
        16 * 1024 * 1024,
      )
    },
  )

  it.each(posts)('[S155] $path does not unpack a compressed body', async ({ path }) => {
    const bomb = gzipSync(`grant_type=client_credentials&client_id=${'a'.repeat(10_000_000)}`)
    const response = await fetch(app.issuer + path, {
      method: 'POST',
      headers: { ...FORM, 'content-encoding': 'gzip' },
      body: bomb,
    })

    expect([400, 401, 413, 415]).toContain(response.status)
  })

  it('[S155] a body shorter than its Content-Length does not hang for ever, a longer one is cut', async () => {
    const longer = await exchange(
      'POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5\r\nConnection: close\r\n\r\ngrant_type=client_credentials',
    )

    expect(longer).toMatch(/^HTTP\/1\.1 400/)
  })

  it('[S155] two different Content-Length are refused', async () => {
    const answer = await exchange(
      'POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef',
    )

    expect(answer).toMatch(/^HTTP\/1\.1 400/)
  })

  /** Sends chunks until the server answers, or 64 MB. */
  function pour(path: string): Promise<{ head: string; sent: number }> {
    const { hostname, port } = new URL(app.issuer)
    return new Promise((resolve) => {
      const socket = connect(Number(port), hostname)
      const chunk = `10000\r\n${'a'.repeat(0x10000)}\r\n`
      let sent = 0
      let head = ''
      const more = () => {
        while (head === '' && sent < 64 * 1024 * 1024 && !socket.destroyed) {
          sent += chunk.length
          if (!socket.write(chunk)) return
        }
      }
      socket.on('drain', more)
      socket.on('data', (data) => {
        head += data.toString()
        socket.destroy()
      })
      socket.on('error', () => {})
      socket.on('close', () => resolve({ head, sent }))
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n`,
      )
      more()
    })
  }

  function exchange(text: string): Promise<string> {
    const { hostname, port } = new URL(app.issuer)
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname)
      let answer = ''
      socket.on('data', (data) => {
        answer += data.toString()
      })
      socket.on('error', reject)
      socket.on('close', () => resolve(answer))
      socket.end(text)
    })
  }
})
