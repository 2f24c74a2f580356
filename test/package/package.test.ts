import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { checkPackage, createPackageFromTarballData, type Problem } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

import { createDpopKey } from '../../src/testing/dpop-key.ts'
import type { TokenWishes } from '../../src/testing/testing.ts'
import { ROOT } from '../house/root.ts'
import { freePort } from '../support/start.ts'
import { type Example, examples, programs, programWith, settle } from './examples.ts'
import { API_CLIENT, AUDIENCE, type InstalledIssuer, opaqueToken, startInstalledIssuer } from './installed-issuer.ts'
import { describeWithRegistry, pack, type Packed, startProgram, withJoseAlone } from './packed.ts'
import { within } from '../support/figures.ts'

const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')

let packed: Packed
let issuer: InstalledIssuer

await describeWithRegistry('the package', () => {
  beforeAll(async () => {
    packed = await pack()
    issuer = await startInstalledIssuer(packed.project)
  }, 120_000)
  afterAll(async () => {
    await issuer?.stop()
    await packed?.close()
  })

  describe('as npm pack gives it', () => {
    it('holds what runs and what belongs to it, and no sources, tests, keys or data', async () => {
      const files = (await packed.runIn(ROOT, 'tar', '-tzf', packed.tarball)).split('\n').filter(Boolean)
      const scripts = await readdir(join(ROOT, 'src/store/redis/scripts'), { recursive: true })
      const lua = scripts.filter((name) => name.endsWith('.lua'))

      expect(files.filter((name) => !/^package\/(bin|dist|views)\//.test(name)).sort()).toEqual([
        'package/LICENSE',
        'package/README.md',
        'package/package.json',
      ])
      expect(files.filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))).toEqual([])
      expect(files).toEqual(expect.arrayContaining(lua.map((name) => `package/dist/store/redis/scripts/${name}`)))
      expect(files).toContain('package/views/sign-in/login.ejs')
      expect(files.filter((name) => name.includes('samples'))).toEqual([])
    })

    it('has nothing that publint finds wrong', async () => {
      const { messages } = await publint({ pack: { tarball: await bytesOf(packed) }, strict: true })

      expect(messages).toEqual([])
    })

    it('has types that resolve', async () => {
      const result = await checkPackage(createPackageFromTarballData(new Uint8Array(await bytesOf(packed))))
      const problems = result.types === false ? ['no types'] : result.problems.filter(concernsUs)

      expect(problems).toEqual([])
    })

    it('has declarations that compile, down to the last that is reached', async () => {
      await writeFile(join(packed.project, 'testing.ts'), "export { startIssuer as start } from 'grantor/testing'\n")

      await compile(packed.project, 'testing.ts', '--skipLibCheck', 'false')
    })

    it('gives the command grantor', async () => {
      const command = join(packed.project, 'node_modules/.bin/grantor')

      expect(await packed.runIn(packed.project, command, '--help')).toContain('grantor [options] [command]')
    })
  })

  describe('its grantor/resource', () => {
    it('needs nothing but jose, and its types nothing but those of node', async () => {
      const folder = await withJoseAlone(packed)

      for (const load of ["await import('grantor/resource')", "require('grantor/resource')"]) {
        const told = await packed.runIn(
          folder,
          process.execPath,
          '-p',
          `(async () => console.log(Object.keys(${load})))()`,
        )
        expect(told).toContain('createVerifier')
      }
      await writeFile(join(folder, 'api.ts'), "export { createVerifier as create } from 'grantor/resource'\n")
      await compile(folder, 'api.ts', '--skipLibCheck', 'false')
    })

    it('has examples for Koa, Express, Fastify and node:http, in about ten lines each', () => {
      const short = programs().filter(({ text }) => text.trim().split('\n').length <= 12)

      for (const framework of ["from 'koa'", "from 'express'", "from 'fastify'", "from 'node:http'"]) {
        expect(short.filter(({ text }) => text.includes(framework))).not.toEqual([])
      }
    })

    it.each(programs())('protects a route: $title', async (example) => {
      const { orders } = await startExample(example)

      expect(await status(orders, await issuer.mint({ scopes: ['orders:read'] }))).toBe(200)
      expect(await status(orders)).toBe(401)
      expect(await status(orders, await issuer.mintBad('expired', { scopes: ['orders:read'] }))).toBe(401)
      expect(await status(orders, await issuer.mintBad('wrong_key', { scopes: ['orders:read'] }))).toBe(401)
      expect(await status(orders, await issuer.mint())).toBe(403)
    })

    it('refuses what was revoked within a second, when it follows the feed', async () => {
      const { orders } = await startExample(programWith('revocations: {'))
      const token = await issuer.mint({ scopes: ['orders:read'] })
      expect(await status(orders, token)).toBe(200)

      await issuer.revoke(token)

      await expect.poll(() => status(orders, token), within(1000)).toBe(401)
    })

    it('takes a key-bound token from the holder of the key, for the address on the page', async () => {
      const { orders } = await startExample(programWith('dpop: {'))
      const key = await createDpopKey(Date.now)
      const token = await issuer.mint({ scopes: ['orders:read'], claims: { cnf: { jkt: key.thumbprint } } })
      const send = (proof: string) => fetch(orders, { headers: { authorization: `DPoP ${token}`, dpop: proof } })
      const proof = await key.proof({ method: 'GET', url: orders, token })

      expect((await send(proof)).status).toBe(200)
      expect((await send(proof)).status).toBe(401)
      expect((await send(await key.proof({ method: 'GET', url: 'http://localhost:1/orders', token }))).status).toBe(401)
      expect(await status(orders, token)).toBe(401)
    })

    it('asks for a better sign-in, and says where its metadata is', async () => {
      const { origin, orders } = await startExample(programWith('protectedResource('))
      const authTime = Math.floor(Date.now() / 1000)
      const refund = async (wishes: TokenWishes) => {
        const headers = { authorization: `Bearer ${await issuer.mint(wishes)}` }
        return fetch(`${origin}/refunds`, { method: 'POST', headers })
      }
      const weak = await refund({ acr: 'password', authTime })
      const document = await fetch(`${origin}/.well-known/oauth-protected-resource`)

      expect(weak.status).toBe(401)
      expect(weak.headers.get('www-authenticate')).toContain('error="insufficient_user_authentication"')
      expect((await refund({ acr: 'mfa', authTime: authTime - 600 })).status).toBe(401)
      expect((await refund({ acr: 'mfa', authTime })).status).toBe(200)
      expect(await document.json()).toMatchObject({ resource: AUDIENCE, authorization_servers: [issuer.issuer] })
      expect((await fetch(orders)).headers.get('www-authenticate')).toContain(
        'resource_metadata="https://orders.example/',
      )
    })

    it('takes opaque tokens, when it may ask about them', async () => {
      const { orders } = await startExample(programWith('introspection: {'))
      const token = await opaqueToken(issuer)

      expect(token).not.toContain('.')
      expect(await status(orders, token)).toBe(200)
      expect(await status(orders, 'x'.repeat(token.length))).toBe(401)
    })

    it('compiles every example of its page', async () => {
      const files = examples().map(({ text }, at) => ({ file: `example-${at}.ts`, text }))
      for (const { file, text } of files) await writeFile(join(packed.project, file), text)

      await compile(packed.project, ...files.map(({ file }) => file), '--skipLibCheck')
    })
  })

  describe('its grantor/testing', () => {
    it('runs the tests of its page', async () => {
      const example = examples().find(({ text }) => text.includes('node:test'))
      await writeFile(join(packed.project, 'orders.test.ts'), example?.text ?? '')

      const told = await packed.runIn(
        packed.project,
        process.execPath,
        '--test',
        '--test-reporter=tap',
        'orders.test.ts',
      )

      expect(told).toMatch(/^# pass 1[0-9]$/m)
      expect(told).toMatch(/^# fail 0$/m)
    })
  })
})

async function status(address: string, token?: string): Promise<number> {
  return (await fetch(address, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })).status
}

/**
 * What Node 24, the least that the package runs on, cannot meet: it finds `exports` always, and `require` takes modules.
 * The profile `esm-only` of the command `attw` leaves out the same two.
 */
function concernsUs(problem: Problem): boolean {
  return !('resolutionKind' in problem && ['node10', 'node16-cjs'].includes(problem.resolutionKind))
}

async function bytesOf({ tarball }: Packed): Promise<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = await readFile(tarball)
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer
}

/** Rejects with what the compiler says. */
async function compile(folder: string, ...args: string[]): Promise<void> {
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'esnext', '--types', 'node']
  await packed.runIn(folder, process.execPath, TSC, ...options, ...args).catch((error: { stdout?: string }) => {
    throw new Error(error.stdout, { cause: error })
  })
}

/** Starts one program of the page beside the issuer. */
async function startExample(example: Example): Promise<{ origin: string; orders: string }> {
  const port = await freePort()
  const file = `program-${port}.ts`
  await writeFile(join(packed.project, file), settle(example, { issuer: issuer.issuer, port }))
  const program = startProgram(packed.project, file, { ORDERS_API_SECRET: API_CLIENT.client_secret })
  onTestFinished(() => program.stop())
  const origin = `http://localhost:${port}`
  const answers = () => fetch(origin).then(...['up', 'down'].map((state) => () => state))
  await expect.poll(answers, within(10_000)).toBe('up')
  return { origin, orders: `${origin}/orders` }
}
