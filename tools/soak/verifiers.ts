/** The five kinds of verifier, each as an API would have it. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import express, { type ErrorRequestHandler } from 'express'
import { auth } from 'express-oauth2-jwt-bearer'
import { createLocalJWKSet, createRemoteJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'

import { createVerifier } from '../../src/resource/index.ts'
import { ALGORITHMS, audienceOf, MAX_AGE_SECONDS } from './soak-servers.ts'
import type { Handed } from './tally.ts'

export interface VerifierKind {
  readonly name: string
  /** Whether it takes ID tokens too. */
  readonly takesIdTokens: boolean
  /** Rejects when it refuses the token. */
  verify(handed: Handed): Promise<unknown>
  close?(): Promise<void>
}

export async function createKinds(issuer: string, keepFactor: number): Promise<VerifierKind[]> {
  return [cold(issuer), remote(issuer), stubborn(issuer, keepFactor), await withExpress(issuer), ours(issuer)]
}

/** An API that starts anew for each request: it knows no key and fetches them all. */
function cold(issuer: string): VerifierKind {
  return {
    name: 'cold start on each request',
    takesIdTokens: true,
    verify: ({ token, audience }) =>
      jwtVerify(token, createRemoteJWKSet(new URL(`${issuer}/jwks`)), { issuer, audience }),
  }
}

/** jose as it comes. */
function remote(issuer: string): VerifierKind {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`))
  return {
    name: "jose's remote JWKS",
    takesIdTokens: true,
    verify: ({ token, audience }) => jwtVerify(token, keys, { issuer, audience }),
  }
}

interface Copy {
  readonly keys: ReturnType<typeof createLocalJWKSet>
  readonly goodUntil: number
}

const COPIES = 10

/**
 * Keeps a JWKS for the whole of its `max-age` and never asks before that, whatever it meets. There are ten of them, which
 * fetch in turn; the one whose copy ends first verifies, so that every token meets a JWKS that is about to end.
 */
function stubborn(issuer: string, keepFactor: number): VerifierKind {
  let copies: Copy[] = []
  const fetchCopy = async () => {
    // An answer may be as old as the question (RFC 9111 section 4.2.3).
    const askedAt = Date.now()
    const response = await fetch(`${issuer}/jwks`)
    const maxAge = /\bmax-age=(\d+)/.exec(response.headers.get('cache-control') ?? '')?.[1]
    const keys = createLocalJWKSet((await response.json()) as JSONWebKeySet)
    copies.push({ keys, goodUntil: askedAt + Number(maxAge) * keepFactor * 1000 })
  }
  // One that fails is made good by the next; a verifier that is left without any says so.
  const timer = setInterval(() => void fetchCopy().catch(() => undefined), (MAX_AGE_SECONDS * 1000) / COPIES)
  return {
    name: 'one that keeps its copy for all of max-age',
    takesIdTokens: true,
    async verify({ token, audience }) {
      copies = copies.filter(({ goodUntil }) => goodUntil > Date.now())
      if (copies.length === 0) await fetchCopy()
      const [oldest] = copies.toSorted((a, b) => a.goodUntil - b.goodUntil) as [Copy]
      await jwtVerify(token, oldest.keys, { issuer, audience })
    },
    close: async () => clearInterval(timer),
  }
}

/** express-oauth2-jwt-bearer as it comes, in an Express app with a route for each API. */
async function withExpress(issuer: string): Promise<VerifierKind> {
  const app = express()
  for (const algorithm of ALGORITHMS) {
    app.get(`/${algorithm}`, auth({ issuerBaseURL: issuer, audience: audienceOf(algorithm) }), (_req, res) => {
      res.sendStatus(204)
    })
  }
  const refuse: ErrorRequestHandler = (error: Error & { status?: number }, _req, res, _next) => {
    res.status(error.status ?? 500).send(error.message)
  }
  app.use(refuse)
  const server = createServer({ keepAliveTimeout: 60_000 }, app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    name: 'express-oauth2-jwt-bearer',
    takesIdTokens: false,
    async verify({ token, algorithm }) {
      const headers = { authorization: `Bearer ${token}` }
      const response = await fetch(`http://127.0.0.1:${port}/${algorithm}`, { headers })
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function ours(issuer: string): VerifierKind {
  const byAudience = new Map(
    ALGORITHMS.map(audienceOf).map((audience) => [audience, createVerifier({ issuer, audience })]),
  )
  return {
    name: 'ours (grantor/resource)',
    takesIdTokens: false,
    verify: async ({ token, audience }) => byAudience.get(audience)?.verify(token),
  }
}
