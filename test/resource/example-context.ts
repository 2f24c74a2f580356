/**
 * What the examples in the doc comments speak of: an issuer at https://login.example, an API, frameworks, and tokens of
 * every kind they name. An example runs in a VM context that has these names and no others.
 */

import { createServer } from 'node:http'
import { stripTypeScriptTypes } from 'node:module'
import { createContext, runInContext } from 'node:vm'

import express from 'express'
import { fastify } from 'fastify'
import Koa from 'koa'

import * as resource from '../../src/resource/index.ts'
import { AUDIENCE, mint, NOW, type StrangeIssuer } from './issuer.ts'
import { createDpopClient } from './dpop-client.ts'

const ISSUER = 'https://login.example'
const URL_OF_API = `${AUDIENCE}/`

export type ExampleContext = Readonly<Record<string, unknown>>

export async function createExampleContext(at: StrangeIssuer): Promise<ExampleContext> {
  at.says.issuer = ISSUER
  at.says.jwksUri = `${ISSUER}/jwks`
  at.answer = (req, res) => {
    if (req.url === '/revocations') {
      res.writeHead(200, { 'content-type': 'text/event-stream' })
      res.write(`event: revocation\nid: 1\ndata: {"jti":"left","exp":${NOW + 600},"at":${NOW}}\n\n`)
      res.write(`event: current\nid: 1\ndata: {"now":${NOW},"every":5}\n\n`)
      return true
    }
    if (req.url === '/jwks') return false
    const addresses = { jwks_uri: `${ISSUER}/jwks`, revocations_endpoint: `${ISSUER}/revocations` }
    if (req.url === '/token') res.setHeader('content-type', 'application/json')
    const token = { access_token: 'for-the-feed', token_type: 'Bearer', expires_in: 600 }
    res.end(
      JSON.stringify(
        req.url === '/token' ? token : { issuer: ISSUER, token_endpoint: `${ISSUER}/token`, ...addresses },
      ),
    )
    return true
  }

  // The verifier asks for addresses as texts.
  const fetchAt: typeof fetch = (address, init) => fetch((address as string).replace(ISSUER, at.issuer), init)
  const createVerifier: typeof resource.createVerifier = (options) =>
    resource.createVerifier({ clock: () => NOW * 1000, fetch: fetchAt, ...options })
  const verifier = createVerifier({
    ...{ issuer: ISSUER, audience: AUDIENCE },
    revocations: { token: async () => 'for-the-feed' },
    dpop: { publicUrl: AUDIENCE, nonce: { secret: new Uint8Array(32) } },
  })
  const token = (claims = {}, header = {}) => mint(ISSUER, at.ec, claims, header)
  const [ana, plain] = [await createDpopClient(), token()]
  const bound = token({ cnf: ana.cnf })
  const authorization = `Bearer ${plain}`
  const request = {
    method: 'GET',
    url: '/orders',
    rawHeaders: ['Authorization', authorization],
    headers: { authorization },
  }

  return {
    ...resource,
    ...{ createVerifier, verifier, express, Koa, fastify, createServer, request, fetch: async () => undefined },
    ...{ app: { use: () => undefined, get: () => undefined }, listOrders: () => undefined, respond: () => undefined },
    ...{ issuer: ISSUER, audience: AUDIENCE, secret: 'a secret', console: { log: () => undefined } },
    ...{ token: plain, bound, readToken: token({ scope: 'orders:read' }), oldSignIn: token({ auth_time: NOW - 900 }) },
    ...{ idToken: token({}, { typ: 'JWT' }), yesterdaysToken: token({ exp: NOW - 86_400 }) },
    ...{ revokedToken: token({ jti: 'left' }), refusal: new resource.TokenExpired() },
    ...{ proof: ana.prove(bound, URL_OF_API), yesterdaysProof: ana.prove(bound, `${AUDIENCE}/yesterday`) },
    ...{ method: 'GET', url: URL_OF_API },
  }
}

/** Runs an example. A line that says `// rejects with X` has to. */
export async function runExample(example: string, context: ExampleContext): Promise<void> {
  const lines = example
    .replace(/^import .*$/gm, '')
    .replace(/^await (.*?) +\/\/ rejects with (\w+).*$/gm, 'await rejected($1, "$2")')
  const code = stripTypeScriptTypes(`(async () => {\n${lines}\n})()`)
  const token = example.includes('dpopProof') ? context.bound : context.token
  await runInContext(code, createContext({ ...context, token, rejected }))
}

async function rejected(promise: Promise<unknown>, name: string): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (reason: Error) => reason,
  )
  if (error?.name !== name) throw new Error(`rejected with ${error?.name} (${error?.message}) instead of ${name}`)
}
